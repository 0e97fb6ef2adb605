//! A vector that knows where its non-zeros are, and sparse matrices by column or by row.

/// A work vector: dense values plus a list of the positions that may be non-zero.
///
/// Invariant: every non-zero of `val` is listed once in `idx`.
#[derive(Debug, Clone)]
pub(crate) struct SparseVec {
    pub val: Vec<f64>,
    pub idx: Vec<u32>,
}

/// Smaller than this is rounding noise in a solve and is dropped.
pub(crate) const DROP: f64 = 1e-14;

impl SparseVec {
    pub fn new(len: usize) -> Self {
        Self { val: vec![0.0; len], idx: Vec::new() }
    }

    pub fn resize(&mut self, len: usize) {
        self.clear();
        self.val.clear();
        self.val.resize(len, 0.0);
    }

    pub fn clear(&mut self) {
        if self.idx.len() * 4 > self.val.len() {
            self.val.fill(0.0);
        } else {
            for &i in &self.idx {
                self.val[i as usize] = 0.0;
            }
        }
        self.idx.clear();
    }

    /// Sets a position that is zero now.
    pub fn put(&mut self, i: usize, value: f64) {
        if value != 0.0 {
            self.val[i] = value;
            self.idx.push(i as u32);
        }
    }

    /// Adds to a position; one that cancels stays listed with a value that is as good as zero.
    pub fn add(&mut self, i: usize, value: f64) {
        let old = self.val[i];
        if old == 0.0 {
            if value != 0.0 {
                self.val[i] = value;
                self.idx.push(i as u32);
            }
        } else {
            let new = old + value;
            self.val[i] = if new.abs() < DROP { 1e-100 } else { new };
        }
    }

    /// Lists the non-zeros again after the values were written without care for the list.
    pub fn relist(&mut self) {
        self.idx.clear();
        for (i, value) in self.val.iter_mut().enumerate() {
            if *value != 0.0 {
                if value.abs() < DROP {
                    *value = 0.0;
                } else {
                    self.idx.push(i as u32);
                }
            }
        }
    }

    pub fn copy_from(&mut self, other: &SparseVec) {
        self.clear();
        self.idx.extend_from_slice(&other.idx);
        for &i in &other.idx {
            self.val[i as usize] = other.val[i as usize];
        }
    }

    pub fn square_norm(&self) -> f64 {
        self.idx.iter().map(|&i| self.val[i as usize] * self.val[i as usize]).sum()
    }
}

/// A compressed sparse matrix; whether by column or by row is the owner's business.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compressed {
    pub start: Vec<usize>,
    pub idx: Vec<u32>,
    pub val: Vec<f64>,
}

impl Compressed {
    pub fn with_lines(lines: usize) -> Self {
        Self { start: vec![0; lines + 1], idx: Vec::new(), val: Vec::new() }
    }

    pub fn lines(&self) -> usize {
        self.start.len().saturating_sub(1)
    }

    pub fn line(&self, k: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.start[k]..self.start[k + 1];
        self.idx[range.clone()].iter().zip(&self.val[range]).map(|(&i, &v)| (i as usize, v))
    }

    pub fn line_len(&self, k: usize) -> usize {
        self.start[k + 1] - self.start[k]
    }

    /// The same matrix stored the other way; `others` is the length of a line.
    pub fn transposed(&self, others: usize) -> Compressed {
        let mut start = vec![0usize; others + 1];
        for &i in &self.idx {
            start[i as usize + 1] += 1;
        }
        for k in 0..others {
            start[k + 1] += start[k];
        }
        let mut next = start.clone();
        let mut idx = vec![0u32; self.idx.len()];
        let mut val = vec![0.0; self.val.len()];
        for k in 0..self.lines() {
            for p in self.start[k]..self.start[k + 1] {
                let i = self.idx[p] as usize;
                let at = next[i];
                next[i] += 1;
                idx[at] = k as u32;
                val[at] = self.val[p];
            }
        }
        Compressed { start, idx, val }
    }

    pub fn push_line(&mut self, entries: impl IntoIterator<Item = (usize, f64)>) {
        for (i, v) in entries {
            self.idx.push(i as u32);
            self.val.push(v);
        }
        self.start.push(self.idx.len());
    }
}
