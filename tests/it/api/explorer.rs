//! The explorer: GraphiQL from its directory, the plain page without.

use std::collections::HashMap;

use dyocense_api::settings::Settings;

use super::world;

fn settings(directory: &str) -> Result<Settings, dyocense_api::settings::SettingsError> {
    Settings::from_sources(None, [("DYOCENSE_HTTP_EXPLORER_DIR".to_owned(), directory.to_owned())])
}

#[test]
fn a_directory_without_graphiql_is_an_error_that_names_it() {
    let empty = tempfile::tempdir().expect("a directory");
    let error = settings(empty.path().to_str().expect("UTF-8")).expect_err("no files").to_string();
    assert!(error.contains("http.explorer_dir") && error.contains("ruru.js"), "{error}");
    std::fs::write(empty.path().join("ruru.js"), "").expect("written");
    let found = settings(empty.path().to_str().expect("UTF-8")).expect("good settings");
    assert_eq!(found.http.explorer_dir.as_deref(), Some(empty.path()));
}

#[tokio::test]
async fn without_graphiql_the_plain_page_is_served_and_no_file() {
    let url = world::url().await;
    let mut pages = HashMap::new();
    for path in ["/explorer", "/explorer/plain", "/explorer/files/ruru.js"] {
        let answer = reqwest::get(format!("{url}{path}")).await.expect("an answer");
        pages.insert(path, (answer.status().as_u16(), answer.text().await.expect("text")));
    }
    assert_eq!(pages["/explorer"], pages["/explorer/plain"]);
    assert!(pages["/explorer"].1.contains("Dyocense API explorer"));
    assert_eq!(pages["/explorer/files/ruru.js"].0, 404);
}
