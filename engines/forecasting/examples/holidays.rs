//! Public holidays as CSV, to compare with another calendar:
//! `cargo run -p dyocense-forecasting --example holidays -- US 2020 2026`

use std::error::Error;

use dyocense_forecasting::holidays::{Country, of_year};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [country, from, to] = args.as_slice() else {
        return Err("usage: holidays COUNTRY FROM_YEAR TO_YEAR".into());
    };
    let country: Country = country.parse()?;
    println!("date,name");
    for year in from.parse()?..=to.parse()? {
        for (date, name) in of_year(country, year) {
            println!("{date},{name}");
        }
    }
    Ok(())
}
