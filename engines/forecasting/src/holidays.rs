//! Public holidays of a country, computed by rule: the national ones, from 1990 on. Days that only a region keeps are
//! left out, and so are days that are proclaimed year by year (lunar calendars). No table is fetched.
//!
//! By rule, because the crates that know holidays either carry a generated table that nobody renews, or know a few
//! countries without the names that a model needs to learn an effect for each.

use std::str::FromStr;

use jiff::civil::{Date, Weekday};

/// Countries whose holidays are known, by ISO 3166 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Country {
    Australia,
    Austria,
    Belgium,
    Brazil,
    Canada,
    Denmark,
    Finland,
    France,
    Germany,
    Italy,
    Netherlands,
    Norway,
    Poland,
    Portugal,
    Spain,
    Sweden,
    UnitedKingdom,
    UnitedStates,
}

impl Country {
    pub const ALL: [Country; 18] = [
        Country::Australia,
        Country::Austria,
        Country::Belgium,
        Country::Brazil,
        Country::Canada,
        Country::Denmark,
        Country::Finland,
        Country::France,
        Country::Germany,
        Country::Italy,
        Country::Netherlands,
        Country::Norway,
        Country::Poland,
        Country::Portugal,
        Country::Spain,
        Country::Sweden,
        Country::UnitedKingdom,
        Country::UnitedStates,
    ];

    /// The two letters of ISO 3166.
    pub fn code(self) -> &'static str {
        match self {
            Country::Australia => "AU",
            Country::Austria => "AT",
            Country::Belgium => "BE",
            Country::Brazil => "BR",
            Country::Canada => "CA",
            Country::Denmark => "DK",
            Country::Finland => "FI",
            Country::France => "FR",
            Country::Germany => "DE",
            Country::Italy => "IT",
            Country::Netherlands => "NL",
            Country::Norway => "NO",
            Country::Poland => "PL",
            Country::Portugal => "PT",
            Country::Spain => "ES",
            Country::Sweden => "SE",
            Country::UnitedKingdom => "GB",
            Country::UnitedStates => "US",
        }
    }

    fn rules(self) -> &'static [Rule] {
        match self {
            Country::Australia => AUSTRALIA,
            Country::Austria => AUSTRIA,
            Country::Belgium => BELGIUM,
            Country::Brazil => BRAZIL,
            Country::Canada => CANADA,
            Country::Denmark => DENMARK,
            Country::Finland => FINLAND,
            Country::France => FRANCE,
            Country::Germany => GERMANY,
            Country::Italy => ITALY,
            Country::Netherlands => NETHERLANDS,
            Country::Norway => NORWAY,
            Country::Poland => POLAND,
            Country::Portugal => PORTUGAL,
            Country::Spain => SPAIN,
            Country::Sweden => SWEDEN,
            Country::UnitedKingdom => UNITED_KINGDOM,
            Country::UnitedStates => UNITED_STATES,
        }
    }
}

impl FromStr for Country {
    type Err = String;

    fn from_str(text: &str) -> Result<Country, String> {
        let found = Country::ALL.into_iter().find(|c| c.code().eq_ignore_ascii_case(text));
        found.ok_or_else(|| format!("unknown country {text}; one of {}", Country::ALL.map(Country::code).join(", ")))
    }
}

/// When a holiday is, in a year.
#[derive(Debug, Clone, Copy)]
enum When {
    /// Month and day.
    On(i8, i8),
    /// Days after Easter Sunday.
    Easter(i32),
    /// The n-th such weekday of a month; the last for -1.
    Nth(i8, i8, Weekday),
    /// The first such weekday from a day on.
    From(i8, i8, Weekday),
    /// Month and day, a day earlier when that is a Sunday.
    NotSunday(i8, i8),
    /// Month and day of years that five divides.
    EveryFifth(i8, i8),
    /// One day of one year.
    Once(i16, i8, i8),
    /// The n-th weekday of a month, but for the years listed, in which it is on another day.
    Moved(i8, i8, Weekday, &'static [(i16, i8, i8)]),
}

/// What follows when the day falls on a weekend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weekend {
    Kept,
    /// Saturday's is also kept on Friday, Sunday's on Monday.
    Nearest,
    /// Both are also kept on the next working day.
    Next,
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    name: &'static str,
    when: When,
    /// First and last year.
    years: (i16, i16),
    weekend: Weekend,
}

const EVER: (i16, i16) = (i16::MIN, i16::MAX);

const fn rule(name: &'static str, when: When) -> Rule {
    Rule { name, when, years: EVER, weekend: Weekend::Kept }
}

const fn on(name: &'static str, month: i8, day: i8) -> Rule {
    rule(name, When::On(month, day))
}

const fn easter(name: &'static str, days: i32) -> Rule {
    rule(name, When::Easter(days))
}

const fn nth(name: &'static str, month: i8, n: i8, day: Weekday) -> Rule {
    rule(name, When::Nth(month, n, day))
}

const fn once(name: &'static str, year: i16, month: i8, day: i8) -> Rule {
    rule(name, When::Once(year, month, day))
}

impl Rule {
    const fn since(mut self, year: i16) -> Rule {
        self.years.0 = year;
        self
    }

    const fn until(mut self, year: i16) -> Rule {
        self.years.1 = year;
        self
    }

    const fn nearest(mut self) -> Rule {
        self.weekend = Weekend::Nearest;
        self
    }

    const fn next(mut self) -> Rule {
        self.weekend = Weekend::Next;
        self
    }
}

const NEW_YEAR: Rule = on("New Year's Day", 1, 1);
const EPIPHANY: Rule = on("Epiphany", 1, 6);
const MAUNDY_THURSDAY: Rule = easter("Maundy Thursday", -3);
const GOOD_FRIDAY: Rule = easter("Good Friday", -2);
const EASTER: Rule = easter("Easter Sunday", 0);
const EASTER_MONDAY: Rule = easter("Easter Monday", 1);
const LABOR_DAY: Rule = on("Labor Day", 5, 1);
const ASCENSION: Rule = easter("Ascension Day", 39);
const WHIT_SUNDAY: Rule = easter("Whit Sunday", 49);
const WHIT_MONDAY: Rule = easter("Whit Monday", 50);
const CORPUS_CHRISTI: Rule = easter("Corpus Christi", 60);
const ASSUMPTION: Rule = on("Assumption Day", 8, 15);
const ALL_SAINTS: Rule = on("All Saints' Day", 11, 1);
const IMMACULATE: Rule = on("Immaculate Conception", 12, 8);
const CHRISTMAS: Rule = on("Christmas Day", 12, 25);
const SECOND_CHRISTMAS: Rule = on("Second Day of Christmas", 12, 26);

const AUSTRALIA: &[Rule] = &[
    NEW_YEAR.next(),
    on("Australia Day", 1, 26).next(),
    GOOD_FRIDAY,
    EASTER_MONDAY,
    on("ANZAC Day", 4, 25),
    once("National Day of Mourning", 2022, 9, 22),
    CHRISTMAS.next(),
    on("Boxing Day", 12, 26).next(),
];
const AUSTRIA: &[Rule] = &[
    NEW_YEAR,
    EPIPHANY,
    EASTER_MONDAY,
    LABOR_DAY,
    ASCENSION,
    WHIT_MONDAY,
    CORPUS_CHRISTI,
    ASSUMPTION,
    on("National Day", 10, 26),
    ALL_SAINTS,
    IMMACULATE,
    CHRISTMAS,
    SECOND_CHRISTMAS,
];
const BELGIUM: &[Rule] = &[
    NEW_YEAR,
    EASTER,
    EASTER_MONDAY,
    LABOR_DAY,
    ASCENSION,
    WHIT_SUNDAY,
    WHIT_MONDAY,
    on("National Day", 7, 21),
    ASSUMPTION,
    ALL_SAINTS,
    on("Armistice Day", 11, 11),
    CHRISTMAS,
];
const BRAZIL: &[Rule] = &[
    NEW_YEAR,
    GOOD_FRIDAY,
    on("Tiradentes' Day", 4, 21),
    LABOR_DAY,
    on("Independence Day", 9, 7),
    on("Our Lady of Aparecida", 10, 12),
    on("All Souls' Day", 11, 2),
    on("Republic Proclamation Day", 11, 15),
    on("Day of Zumbi and Black Awareness", 11, 20).since(2024),
    CHRISTMAS,
];
const CANADA: &[Rule] =
    &[NEW_YEAR, GOOD_FRIDAY, on("Canada Day", 7, 1), nth("Labor Day", 9, 1, Weekday::Monday), CHRISTMAS];
const DENMARK: &[Rule] = &[
    NEW_YEAR,
    MAUNDY_THURSDAY,
    GOOD_FRIDAY,
    EASTER,
    EASTER_MONDAY,
    easter("Great Prayer Day", 26).until(2023),
    ASCENSION,
    WHIT_SUNDAY,
    WHIT_MONDAY,
    CHRISTMAS,
    SECOND_CHRISTMAS,
];
const FINLAND: &[Rule] = &[
    NEW_YEAR,
    EPIPHANY.since(1991),
    GOOD_FRIDAY,
    EASTER,
    EASTER_MONDAY,
    on("May Day", 5, 1),
    ASCENSION.since(1992),
    WHIT_SUNDAY,
    rule("Midsummer Eve", When::From(6, 19, Weekday::Friday)),
    rule("Midsummer Day", When::From(6, 20, Weekday::Saturday)),
    rule("All Saints' Day", When::From(10, 31, Weekday::Saturday)),
    on("Independence Day", 12, 6),
    on("Christmas Eve", 12, 24),
    CHRISTMAS,
    SECOND_CHRISTMAS,
];
const FRANCE: &[Rule] = &[
    NEW_YEAR,
    EASTER_MONDAY,
    LABOR_DAY,
    on("Victory Day", 5, 8),
    ASCENSION,
    // A working day of solidarity for three years.
    WHIT_MONDAY.until(2004),
    WHIT_MONDAY.since(2008),
    on("National Day", 7, 14),
    ASSUMPTION,
    ALL_SAINTS,
    on("Armistice Day", 11, 11),
    CHRISTMAS,
];
const GERMANY: &[Rule] = &[
    NEW_YEAR,
    GOOD_FRIDAY,
    EASTER_MONDAY,
    LABOR_DAY,
    ASCENSION,
    WHIT_MONDAY,
    on("German Unity Day", 10, 3),
    once("Reformation Day", 2017, 10, 31),
    CHRISTMAS,
    SECOND_CHRISTMAS,
];
const ITALY: &[Rule] = &[
    NEW_YEAR,
    EPIPHANY,
    EASTER,
    EASTER_MONDAY,
    on("Liberation Day", 4, 25),
    LABOR_DAY,
    nth("Republic Day", 6, 1, Weekday::Sunday).until(2000),
    on("Republic Day", 6, 2).since(2001),
    ASSUMPTION,
    ALL_SAINTS,
    nth("National Unity Day", 11, 1, Weekday::Sunday),
    IMMACULATE,
    CHRISTMAS,
    on("Saint Stephen's Day", 12, 26),
];
const NETHERLANDS: &[Rule] = &[
    NEW_YEAR,
    GOOD_FRIDAY,
    EASTER,
    EASTER_MONDAY,
    rule("Queen's Day", When::NotSunday(4, 30)).until(2013),
    rule("King's Day", When::NotSunday(4, 27)).since(2014),
    rule("Liberation Day", When::EveryFifth(5, 5)),
    ASCENSION,
    WHIT_SUNDAY,
    WHIT_MONDAY,
    CHRISTMAS,
    SECOND_CHRISTMAS,
];
const NORWAY: &[Rule] = &[
    NEW_YEAR,
    MAUNDY_THURSDAY,
    GOOD_FRIDAY,
    EASTER,
    EASTER_MONDAY,
    LABOR_DAY,
    on("Constitution Day", 5, 17),
    ASCENSION,
    WHIT_SUNDAY,
    WHIT_MONDAY,
    CHRISTMAS,
    SECOND_CHRISTMAS,
];
const POLAND: &[Rule] = &[
    NEW_YEAR,
    EPIPHANY.since(2011),
    EASTER,
    EASTER_MONDAY,
    LABOR_DAY,
    on("Constitution Day", 5, 3),
    WHIT_SUNDAY,
    CORPUS_CHRISTI,
    ASSUMPTION,
    ALL_SAINTS,
    on("Independence Day", 11, 11),
    once("Independence Day, centenary", 2018, 11, 12),
    on("Christmas Eve", 12, 24).since(2025),
    CHRISTMAS,
    SECOND_CHRISTMAS,
];
const PORTUGAL: &[Rule] = &[
    NEW_YEAR,
    GOOD_FRIDAY,
    EASTER,
    on("Freedom Day", 4, 25),
    LABOR_DAY,
    // Four were suspended from 2013 to 2015.
    CORPUS_CHRISTI.until(2012),
    CORPUS_CHRISTI.since(2016),
    on("Portugal Day", 6, 10),
    ASSUMPTION,
    on("Republic Day", 10, 5).until(2012),
    on("Republic Day", 10, 5).since(2016),
    ALL_SAINTS.until(2012),
    ALL_SAINTS.since(2016),
    on("Restoration of Independence", 12, 1).until(2012),
    on("Restoration of Independence", 12, 1).since(2016),
    IMMACULATE,
    CHRISTMAS,
];
const SPAIN: &[Rule] = &[
    NEW_YEAR,
    EPIPHANY,
    GOOD_FRIDAY,
    LABOR_DAY,
    ASSUMPTION,
    on("National Day", 10, 12),
    ALL_SAINTS,
    on("Constitution Day", 12, 6),
    IMMACULATE,
    CHRISTMAS,
];
const SWEDEN: &[Rule] = &[
    NEW_YEAR,
    EPIPHANY,
    GOOD_FRIDAY,
    EASTER,
    EASTER_MONDAY,
    on("May Day", 5, 1),
    ASCENSION,
    on("National Day", 6, 6).since(2005),
    WHIT_SUNDAY,
    WHIT_MONDAY.until(2004),
    rule("Midsummer Eve", When::From(6, 19, Weekday::Friday)),
    rule("Midsummer Day", When::From(6, 20, Weekday::Saturday)),
    rule("All Saints' Day", When::From(10, 31, Weekday::Saturday)),
    on("Christmas Eve", 12, 24),
    CHRISTMAS,
    SECOND_CHRISTMAS,
    on("New Year's Eve", 12, 31),
];
const UNITED_KINGDOM: &[Rule] = &[
    NEW_YEAR.next(),
    GOOD_FRIDAY,
    rule("May Day", When::Moved(5, 1, Weekday::Monday, &[(1995, 5, 8), (2020, 5, 8)])),
    rule("Spring Bank Holiday", When::Moved(5, -1, Weekday::Monday, &[(2002, 6, 4), (2012, 6, 4), (2022, 6, 2)])),
    once("Golden Jubilee of Elizabeth II", 2002, 6, 3),
    once("Wedding of William and Catherine", 2011, 4, 29),
    once("Diamond Jubilee of Elizabeth II", 2012, 6, 5),
    once("Platinum Jubilee of Elizabeth II", 2022, 6, 3),
    once("State Funeral of Queen Elizabeth II", 2022, 9, 19),
    once("Coronation of Charles III", 2023, 5, 8),
    once("Millennium Celebrations", 1999, 12, 31),
    CHRISTMAS.next(),
    on("Boxing Day", 12, 26).next(),
];
const UNITED_STATES: &[Rule] = &[
    NEW_YEAR.nearest(),
    nth("Martin Luther King Jr. Day", 1, 3, Weekday::Monday),
    nth("Washington's Birthday", 2, 3, Weekday::Monday),
    nth("Memorial Day", 5, -1, Weekday::Monday),
    on("Juneteenth National Independence Day", 6, 19).since(2021).nearest(),
    on("Independence Day", 7, 4).nearest(),
    nth("Labor Day", 9, 1, Weekday::Monday),
    nth("Columbus Day", 10, 2, Weekday::Monday),
    on("Veterans Day", 11, 11).nearest(),
    nth("Thanksgiving", 11, 4, Weekday::Thursday),
    CHRISTMAS.nearest(),
];

/// The country's public holidays in a year, by date. A day off in the place of one that fell on a weekend is called
/// "… (observed)".
pub fn of_year(country: Country, year: i16) -> Vec<(Date, String)> {
    let mut out: Vec<(Date, String)> = Vec::new();
    // New Year's Day of the next year may be observed in this one.
    for of in [year - 1, year, year + 1] {
        let days = country.rules().iter().filter(|r| (r.years.0..=r.years.1).contains(&of));
        let own: Vec<(Date, &Rule)> = days.filter_map(|r| Some((day(r.when, of)?, r))).collect();
        let mut taken: Vec<Date> = own.iter().map(|(d, _)| *d).collect();
        for (date, rule) in &own {
            if date.year() == year {
                out.push((*date, rule.name.to_string()));
            }
        }
        for (date, rule) in &own {
            let Some(other) = observed(*date, rule.weekend, &taken) else { continue };
            taken.push(other);
            if other.year() == year {
                out.push((other, format!("{} (observed)", rule.name)));
            }
        }
    }
    out.sort();
    out
}

fn observed(date: Date, weekend: Weekend, taken: &[Date]) -> Option<Date> {
    let day = date.weekday();
    if !matches!(day, Weekday::Saturday | Weekday::Sunday) {
        return None;
    }
    match weekend {
        Weekend::Kept => None,
        Weekend::Nearest if day == Weekday::Saturday => date.yesterday().ok(),
        Weekend::Nearest => date.tomorrow().ok(),
        Weekend::Next => {
            let mut next = date.tomorrow().ok()?;
            while matches!(next.weekday(), Weekday::Saturday | Weekday::Sunday) || taken.contains(&next) {
                next = next.tomorrow().ok()?;
            }
            Some(next)
        }
    }
}

fn day(when: When, year: i16) -> Option<Date> {
    match when {
        When::On(month, day) => Date::new(year, month, day).ok(),
        When::Easter(days) => easter_sunday(year)?.checked_add(jiff::Span::new().days(days)).ok(),
        When::Nth(month, n, weekday) => Date::new(year, month, 1).ok()?.nth_weekday_of_month(n, weekday).ok(),
        When::From(month, day, weekday) => {
            let first = Date::new(year, month, day).ok()?;
            let ahead = (weekday.to_monday_zero_offset() - first.weekday().to_monday_zero_offset()).rem_euclid(7);
            first.checked_add(jiff::Span::new().days(ahead)).ok()
        }
        When::NotSunday(month, day) => {
            let date = Date::new(year, month, day).ok()?;
            if date.weekday() == Weekday::Sunday { date.yesterday().ok() } else { Some(date) }
        }
        When::EveryFifth(month, day) => (year % 5 == 0).then(|| Date::new(year, month, day).ok()).flatten(),
        When::Once(only, month, day) => (only == year).then(|| Date::new(year, month, day).ok()).flatten(),
        When::Moved(month, n, weekday, years) => match years.iter().find(|(y, _, _)| *y == year) {
            Some(&(_, month, day)) => Date::new(year, month, day).ok(),
            None => Date::new(year, month, 1).ok()?.nth_weekday_of_month(n, weekday).ok(),
        },
    }
}

/// Easter Sunday of the Gregorian calendar (the anonymous algorithm; Meeus 1991, chapter 8).
fn easter_sunday(year: i16) -> Option<Date> {
    let year = i32::from(year);
    let (golden, century) = (year % 19, year / 100);
    let moon = (century - century / 4 - (8 * century + 13) / 25 + 19 * golden + 15).rem_euclid(30);
    let epact = moon - (moon / 28) * (1 - (29 / (moon + 1)) * ((21 - golden) / 11));
    let weekday = (year + year / 4 + epact + 2 - century + century / 4).rem_euclid(7);
    // Days from the 28th of February, less three weeks.
    let days = epact - weekday;
    let month = 3 + (days + 40) / 44;
    Date::new(year as i16, month as i8, (days + 28 - 31 * (month / 4)) as i8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(country: Country, year: i16) -> Vec<String> {
        of_year(country, year).into_iter().map(|(date, name)| format!("{date} {name}")).collect()
    }

    #[test]
    fn easter_is_where_the_almanac_has_it() {
        for (year, month, day) in [(1961, 4, 2), (2000, 4, 23), (2008, 3, 23), (2024, 3, 31), (2038, 4, 25)] {
            assert_eq!(easter_sunday(year), Date::new(year, month, day).ok(), "{year}");
        }
    }

    #[test]
    fn a_day_off_is_given_for_a_weekend_where_the_country_gives_one() {
        let us = days(Country::UnitedStates, 2021);
        assert!(us.contains(&"2021-07-05 Independence Day (observed)".to_string()), "{us:?}");
        // New Year's Day 2022 was a Saturday.
        assert!(us.contains(&"2021-12-31 New Year's Day (observed)".to_string()), "{us:?}");
        let gb = days(Country::UnitedKingdom, 2021);
        assert!(gb.contains(&"2021-12-27 Christmas Day (observed)".to_string()), "{gb:?}");
        assert!(gb.contains(&"2021-12-28 Boxing Day (observed)".to_string()), "{gb:?}");
        assert!(days(Country::Germany, 2022).iter().all(|d| !d.contains("observed")));
    }

    #[test]
    fn moving_days_move() {
        assert!(days(Country::UnitedStates, 2026).contains(&"2026-11-26 Thanksgiving".to_string()));
        assert!(days(Country::UnitedKingdom, 2022).contains(&"2022-06-02 Spring Bank Holiday".to_string()));
        assert!(days(Country::Sweden, 2024).contains(&"2024-06-22 Midsummer Day".to_string()));
        assert!(days(Country::Denmark, 2023).contains(&"2023-05-05 Great Prayer Day".to_string()));
        assert_eq!(days(Country::Denmark, 2024).iter().filter(|d| d.contains("Prayer")).count(), 0);
    }
}
