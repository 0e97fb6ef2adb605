//! The schema as it is checked in.

use dyocense_api::graphql::schema;

#[test]
fn the_checked_in_schema_is_the_program_s() {
    let checked_in = include_str!("../../../schema.graphql");
    assert!(
        checked_in == schema::sdl(),
        "schema.graphql is not what the program serves; write it anew: dyocense schema > schema.graphql"
    );
}

#[test]
fn every_type_field_argument_and_value_is_described() {
    let sdl = schema::sdl();
    let lines: Vec<&str> = sdl.lines().map(str::trim).collect();
    let mut undescribed = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let name = line.split([' ', '(', ':']).next().unwrap_or_default();
        let declares = ["type ", "enum ", "input ", "interface ", "scalar "].iter().any(|word| line.starts_with(word))
            || (!line.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') && line.contains(':'))
            || (!name.is_empty() && line == &name && name.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
        let in_text = lines[..i].iter().filter(|line| **line == "\"\"\"").count() % 2 == 1;
        let described = i > 0
            && (lines[i - 1] == "\"\"\""
                || line.starts_with("schema")
                || line.starts_with("query:")
                || line.starts_with("mutation:")
                || line.starts_with("subscription:"));
        if declares && !in_text && !described {
            undescribed.push(*line);
        }
    }
    assert!(undescribed.is_empty(), "not described: {undescribed:#?}");
}
