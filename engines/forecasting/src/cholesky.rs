//! Symmetric positive definite matrices and their Cholesky factors.

/// A symmetric positive definite matrix in rows; only the lower triangle is read.
#[derive(Debug, Clone)]
pub(crate) struct Square {
    pub size: usize,
    pub rows: Vec<f64>,
}

impl Square {
    pub(crate) fn zeros(size: usize) -> Square {
        Square { size, rows: vec![0.0; size * size] }
    }

    pub(crate) fn at(&self, i: usize, j: usize) -> f64 {
        if i >= j { self.rows[i * self.size + j] } else { self.rows[j * self.size + i] }
    }
}

/// Lower Cholesky factor of a matrix given by its entries; `None` when it is not positive definite.
pub(crate) fn factor(size: usize, entry: impl Fn(usize, usize) -> f64) -> Option<Square> {
    let mut l = Square::zeros(size);
    for i in 0..size {
        for j in 0..=i {
            let (above, row) = l.rows.split_at(i * size);
            let other = if j < i { &above[j * size..j * size + j] } else { &row[..j] };
            let sum = entry(i, j) - row[..j].iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
            if i == j {
                if sum.is_nan() || sum <= 0.0 {
                    return None;
                }
                l.rows[i * size + i] = sum.sqrt();
            } else {
                l.rows[i * size + j] = sum / l.rows[j * size + j];
            }
        }
    }
    Some(l)
}

pub(crate) fn forward(l: &Square, b: &mut [f64]) {
    for i in 0..l.size {
        let row = &l.rows[i * l.size..];
        let sum: f64 = row[..i].iter().zip(&b[..i]).map(|(a, x)| a * x).sum();
        b[i] = (b[i] - sum) / row[i];
    }
}

pub(crate) fn backward(l: &Square, b: &mut [f64]) {
    for i in (0..l.size).rev() {
        b[i] /= l.rows[i * l.size + i];
        let value = b[i];
        for (x, a) in b[..i].iter_mut().zip(&l.rows[i * l.size..]) {
            *x -= a * value;
        }
    }
}
