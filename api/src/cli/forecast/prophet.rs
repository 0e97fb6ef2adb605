//! What an analyst may say about Prophet on the command line.

use anyhow::bail;
use clap::Args;
use dyocense_forecasting::holidays::Country;
use dyocense_forecasting::prophet::{Bound, Growth, Mode, Options};

#[derive(Args, Default)]
pub struct ProphetArgs {
    /// Prophet's trend: linear, logistic (needs --cap) or flat
    #[arg(long, value_name = "GROWTH")]
    growth: Option<Growth>,
    /// How Prophet's seasonalities and columns join the trend: additive or multiplicative
    #[arg(long, value_name = "MODE")]
    seasonality_mode: Option<Mode>,
    /// Two letters of a country whose public holidays Prophet knows
    #[arg(long, value_name = "CODE")]
    country: Option<Country>,
    /// Where Prophet's logistic growth ends: a number, or a column of --exog
    #[arg(long, value_name = "NUMBER|COLUMN")]
    cap: Option<String>,
    /// Where Prophet's logistic growth starts: a number, or a column of --exog; 0 when absent
    #[arg(long, value_name = "NUMBER|COLUMN")]
    floor: Option<String>,
    /// How readily Prophet's trend bends: the scale of its changes, 0.05 when absent
    #[arg(long, value_name = "SCALE")]
    changepoint_scale: Option<f64>,
}

impl ProphetArgs {
    /// The flags that were given.
    pub fn given(&self) -> Vec<&'static str> {
        let all = [
            ("--growth", self.growth.is_some()),
            ("--seasonality-mode", self.seasonality_mode.is_some()),
            ("--country", self.country.is_some()),
            ("--cap", self.cap.is_some()),
            ("--floor", self.floor.is_some()),
            ("--changepoint-scale", self.changepoint_scale.is_some()),
        ];
        all.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
    }

    /// Options for each of `count` series. Columns that are bounds are taken out of `columns` (by series) and `names`.
    pub fn options(
        &self,
        count: usize,
        names: &mut Vec<String>,
        columns: &mut [Vec<Vec<f64>>],
    ) -> anyhow::Result<Vec<Options>> {
        let usual = Options::default();
        let plain = Options {
            growth: self.growth.unwrap_or(usual.growth),
            mode: self.seasonality_mode.unwrap_or(usual.mode),
            country: self.country,
            changepoint_scale: self.changepoint_scale.unwrap_or(usual.changepoint_scale),
            ..usual
        };
        let mut options = vec![plain; count];
        let mut taken = Vec::new();
        for (flag, text, pick) in [
            ("--cap", &self.cap, (|o| &mut o.cap) as fn(&mut Options) -> &mut Option<Bound>),
            ("--floor", &self.floor, |o| &mut o.floor),
        ] {
            let Some(text) = text else { continue };
            if let Ok(number) = text.parse::<f64>() {
                options.iter_mut().for_each(|o| *pick(o) = Some(Bound::Constant(number)));
                continue;
            }
            let Some(at) = names.iter().position(|n| n == text) else {
                bail!("{flag} {text} is neither a number nor a column of --exog ({})", names.join(", "));
            };
            for (o, columns) in options.iter_mut().zip(columns.iter()) {
                *pick(o) = Some(Bound::Varying(columns[at].clone()));
            }
            taken.push(at);
        }
        taken.sort_unstable();
        taken.dedup();
        for at in taken.into_iter().rev() {
            names.remove(at);
            columns.iter_mut().for_each(|c| drop(c.remove(at)));
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_a_number_or_a_column_which_is_then_no_regressor() {
        let args = ProphetArgs { cap: Some("limit".into()), floor: Some("2".into()), ..ProphetArgs::default() };
        let mut names = vec!["price".to_string(), "limit".to_string()];
        let mut columns = vec![vec![vec![1.0, 2.0], vec![8.0, 9.0]]];
        let options = args.options(1, &mut names, &mut columns).expect("options");
        assert_eq!(options[0].cap, Some(Bound::Varying(vec![8.0, 9.0])));
        assert_eq!(options[0].floor, Some(Bound::Constant(2.0)));
        assert_eq!((names.as_slice(), &columns[0]), (&["price".to_string()][..], &vec![vec![1.0, 2.0]]));
        let unknown = ProphetArgs { cap: Some("lid".into()), ..ProphetArgs::default() };
        let error = unknown.options(1, &mut names, &mut columns).expect_err("refused").to_string();
        assert!(error.contains("--cap lid") && error.contains("price"), "{error}");
    }
}
