//! Files in, sales out.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::Client;
use super::world;

const GERMAN: &str = "Kunde;Datum;Menge;Betrag\n\
    k1;03.01.2026;1;10,50\n\
    k2;03.01.2026;2;20,00\n\
    k1;kein Datum;1;5,00\n\
    k1;15.02.2026;3;1.030,25\n";

pub async fn upload(client: &Client, text: &str) -> Value {
    let response = client.request(Method::POST, "/uploads?fileName=sales.csv").body(text.to_owned()).send().await;
    let response = response.expect("an answer");
    assert_eq!(response.status(), 201);
    serde_json::from_str(&response.text().await.expect("a body")).expect("JSON")
}

pub async fn import(client: &Client, upload: &Value) -> Value {
    import_as(client, json!({"uploadId": upload["uploadId"]})).await
}

async fn import_as(client: &Client, input: Value) -> Value {
    let start = "mutation ($i: StartImportInput!) { startImport(input: $i) {
        import { id status } position userErrors { code field message } } }";
    let started = client.ok(start, json!({"i": input})).await;
    let id = started["startImport"]["import"]["id"].clone();
    assert!(id.is_string(), "{started}");
    let query = "query ($id: ID!) { import(id: $id) { id status failure rows imported unchanged rejected units amount
        firstDay lastDay rejectedRowsPath rejectedRows { edges { node { line reason fields } } } } }";
    for _ in 0..600 {
        let found = client.ok(query, json!({"id": id})).await["import"].clone();
        if found["status"] != "RUNNING" {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the import does not end");
}

#[tokio::test]
async fn a_ledger_is_previewed_imported_and_summed_and_its_bad_rows_come_back() {
    let owner = world::owner().await;
    let member = world::join(&owner, "MEMBER").await;
    let file = upload(&member, GERMAN).await;
    let preview = "mutation ($id: ID!) { previewImport(input: {uploadId: $id}) { preview {
        format { delimiter decimalSeparator dateFormat header } columns mapping { date amount units customer }
        rows { line problem sale { day amount units } } } userErrors { message } } }";
    let previewed = member.ok(preview, json!({"id": file["uploadId"]})).await["previewImport"]["preview"].clone();
    assert_eq!(
        previewed["format"],
        json!({"delimiter": ";", "decimalSeparator": ",", "dateFormat": "DAY_MONTH_YEAR", "header": true})
    );
    assert_eq!(previewed["mapping"], json!({"date": 1, "amount": 3, "units": 2, "customer": 0}));
    assert_eq!(previewed["rows"][0]["sale"]["amount"], "10.50");
    assert!(previewed["rows"][2]["problem"].is_string());

    let done = import(&member, &file).await;
    assert_eq!(done["status"], "COMPLETED", "{done}");
    let counts = ["rows", "imported", "rejected"].map(|name| done[name].as_i64().expect("a count"));
    assert_eq!(counts, [4, 3, 1]);
    assert_eq!((&done["firstDay"], &done["lastDay"]), (&json!("2026-01-03"), &json!("2026-02-15")));
    let totals = member.ok("{ salesTotals { transactions units revenue customers } }", json!({})).await;
    assert_eq!(totals["salesTotals"], json!({"transactions": 3, "units": "6", "revenue": "1060.75", "customers": 2}));

    let path = done["rejectedRowsPath"].as_str().expect("a path").to_owned();
    let csv = member.request(Method::GET, &path).send().await.expect("an answer").text().await.expect("a body");
    assert!(csv.starts_with("Kunde,Datum,Menge,Betrag,"), "{csv}");
    assert!(csv.contains("k1,kein Datum,1,\"5,00\""), "{csv}");
    assert_eq!(done["rejectedRows"]["edges"][0]["node"]["line"], 4);

    // The same file again changes nothing.
    let again = upload(&member, GERMAN).await;
    let start = "mutation ($i: StartImportInput!) { startImport(input: $i) { import { id } userErrors { code } } }";
    member.ok(start, json!({"i": {"uploadId": again["uploadId"]}})).await;
    let totals = member.ok("{ salesTotals { transactions revenue } }", json!({})).await;
    assert_eq!(totals["salesTotals"], json!({"transactions": 3, "revenue": "1060.75"}));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_with_the_reason() {
    let owner = world::owner().await;
    let empty = owner.request(Method::POST, "/uploads?fileName=e.csv").body("").send().await.expect("an answer");
    assert_eq!(empty.status(), 400);
    let binary = upload(&owner, "PK\u{3}\u{4}\0\0\0").await;
    let preview = "mutation ($id: ID!) { previewImport(input: {uploadId: $id}) { preview { currency }
        userErrors { code field } } }";
    let refusal = owner.refusal(preview, json!({"id": binary["uploadId"]})).await;
    assert_eq!(refusal, ("UNREADABLE_FILE".to_owned(), "input.uploadId".to_owned()));
    let unclear = upload(&owner, "a,b\nx,y\n").await;
    let start = "mutation ($i: StartImportInput!) { startImport(input: $i) { import { id } userErrors { code field message } } }";
    let refusal = owner.refusal(start, json!({"i": {"uploadId": unclear["uploadId"]}})).await;
    assert_eq!(refusal, ("MAPPING_NEEDED".to_owned(), "input.mapping".to_owned()));
    let names = upload(&owner, "date,customer,amount\n").await;
    let refused =
        owner.ok(start, json!({"i": {"uploadId": names["uploadId"]}})).await["startImport"]["userErrors"].clone();
    assert_eq!(refused[0]["code"], "MAPPING_NEEDED");
    let message = refused[0]["message"].as_str().expect("a message");
    assert!(message.contains("no rows below the line that names its columns"), "{message}");
}

/// More rows than are looked at before an import starts.
fn good_rows(count: usize) -> String {
    let rows = (0..count).map(|i| format!("c{},2026-01-{:02},1,2.00,Cap\n", i % 997, i % 28 + 1));
    std::iter::once("customer,date,units,amount,product\n".to_owned()).chain(rows).collect()
}

#[tokio::test]
async fn control_characters_spoil_their_rows_only_and_can_be_corrected() {
    const ROWS: usize = 10_000;
    let owner = world::owner().await;
    let text = good_rows(ROWS) + "c1,2026-02-01,1,3.00,C\0ap\nc2,2026-02\0-01,1,4.00,Cap\nc3,2026-02-01,1,5.00,Cap\n";
    let done = import(&owner, &upload(&owner, &text).await).await;
    assert_eq!((&done["status"], &done["rejected"]), (&json!("COMPLETED"), &json!(2)), "{done}");
    let totals = "{ salesTotals { transactions revenue } }";
    let counted = owner.ok(totals, json!({})).await["salesTotals"].clone();
    assert_eq!(counted, json!({"transactions": ROWS + 1, "revenue": "20005.00"}));
    let rejected: Vec<_> = [0, 1].map(|i| done["rejectedRows"]["edges"][i]["node"].clone()).into();
    assert_eq!(rejected[0]["reason"], "product: the text has a control character (U+0000)");
    assert_eq!(rejected[1]["reason"], "date: the text has a control character (U+0000)");
    assert_eq!(rejected[0]["fields"][4], "C\\u0000ap");

    let path = done["rejectedRowsPath"].as_str().expect("a path").to_owned();
    let csv = owner.request(Method::GET, &path).send().await.expect("an answer").text().await.expect("a body");
    let file = upload(&owner, &csv.replace("\\u0000", "")).await;
    let correction = import_as(&owner, json!({"uploadId": file["uploadId"], "corrects": done["id"]})).await;
    assert_eq!((&correction["imported"], &correction["rejected"]), (&json!(2), &json!(0)), "{correction}");
    let counted = owner.ok(totals, json!({})).await["salesTotals"].clone();
    assert_eq!(counted, json!({"transactions": ROWS + 3, "revenue": "20012.00"}));
}

#[tokio::test]
async fn a_stray_quote_costs_one_row_and_long_fields_are_cut_where_they_are_shown() {
    const ROWS: usize = 10_000;
    let owner = world::owner().await;
    let note = "x".repeat(3_000);
    let text = format!(
        "{}c1,2026-02-01,1,3.00,\"Cap\n{}c2,never,1,4.00,Cap,{note}\n",
        good_rows(ROWS),
        "c3,2026-02-01,1,5.00,Cap\n".repeat(2_000)
    );
    let done = import(&owner, &upload(&owner, &text).await).await;
    let counts = ["imported", "rejected"].map(|name| done[name].as_u64().expect("a count"));
    assert_eq!((&done["status"], counts), (&json!("COMPLETED"), [ROWS as u64 + 2_000, 2]), "{done}");
    let rejected: Vec<_> = [0, 1].map(|i| done["rejectedRows"]["edges"][i]["node"].clone()).into();
    assert_eq!((&rejected[0]["line"], &rejected[1]["line"]), (&json!(ROWS + 2), &json!(ROWS + 2 + 2_001)));
    let reason = rejected[0]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with(&format!("line {} opens a quote", ROWS + 2)), "{reason}");
    assert_eq!(rejected[0]["fields"], json!(["c1,2026-02-01,1,3.00,\"Cap"]));
    assert_eq!(rejected[1]["fields"][5], format!("{}…", "x".repeat(200)));
    let path = done["rejectedRowsPath"].as_str().expect("a path").to_owned();
    let csv = owner.request(Method::GET, &path).send().await.expect("an answer").text().await.expect("a body");
    assert!(csv.contains(&note), "the download has it whole");
}

#[tokio::test]
async fn only_an_import_of_this_business_whose_file_is_kept_can_be_corrected() {
    let owner = world::owner().await;
    let done = import(&owner, &upload(&owner, GERMAN).await).await;
    let stranger = world::owner().await;
    let file = upload(&stranger, GERMAN).await;
    let start = "mutation ($i: StartImportInput!) { startImport(input: $i) { import { id } userErrors { code field message } } }";
    let input = |corrects: &Value| json!({"i": {"uploadId": file["uploadId"], "corrects": corrects}});
    let not_found = ("NOT_FOUND".to_owned(), "input.corrects".to_owned());
    assert_eq!(stranger.refusal(start, input(&done["id"])).await, not_found);
    assert_eq!(stranger.refusal(start, input(&file["uploadId"])).await, not_found);
    let imports = stranger.ok("{ imports { edges { node { id } } } }", json!({})).await;
    assert_eq!(imports["imports"]["edges"], json!([]), "nothing was started");
}

#[tokio::test]
async fn an_erasure_takes_the_files_and_the_rejected_rows_of_the_business_with_it() {
    let owner = world::owner().await;
    let member = world::join(&owner, "MEMBER").await;
    let person = member.ok("{ viewer { user { id } } }", json!({})).await["viewer"]["user"]["id"].clone();
    let done = import(&member, &upload(&member, &GERMAN.replace("k1;kein", "Ada Love;kein")).await).await;
    let other = upload(&owner, GERMAN).await;
    let path = done["rejectedRowsPath"].as_str().expect("a path").to_owned();
    let download = async || owner.request(Method::GET, &path).send().await.expect("an answer").status();
    assert_eq!(download().await, 200);

    let erase = "mutation ($id: ID!) { erasePerson(input: {personId: $id}) { position userErrors { message } } }";
    assert_eq!(owner.ok(erase, json!({"id": person})).await["erasePerson"]["userErrors"], json!([]));
    assert_eq!(download().await, 404);
    let rows = "query ($id: ID!) { import(id: $id) { rejected rejectedRows { edges { node { fields } } } } }";
    let shown = owner.ok(rows, json!({"id": done["id"]})).await;
    assert_eq!(shown["import"], json!({"rejected": 1, "rejectedRows": {"edges": []}}));
    let start =
        "mutation ($i: StartImportInput!) { startImport(input: $i) { import { id } userErrors { code field } } }";
    let refusal = owner.refusal(start, json!({"i": {"uploadId": other["uploadId"]}})).await;
    assert_eq!(refusal, ("NOT_FOUND".to_owned(), "input.uploadId".to_owned()));
    let again = upload(&owner, GERMAN).await;
    let refusal = owner.refusal(start, json!({"i": {"uploadId": again["uploadId"], "corrects": done["id"]}})).await;
    assert_eq!(refusal, ("WRONG_STATE".to_owned(), "input.corrects".to_owned()));
}

#[tokio::test]
async fn only_those_who_work_with_data_upload_and_nobody_sees_another_business_s_rows() {
    let owner = world::owner().await;
    let auditor = world::join(&owner, "AUDITOR").await;
    let refused = auditor.request(Method::POST, "/uploads").body("a,b\n").send().await.expect("an answer");
    assert_eq!(refused.status(), 403);
    let anonymous = world::anonymous().await.request(Method::POST, "/uploads").body("a,b\n").send().await;
    assert_eq!(anonymous.expect("an answer").status(), 401);
    let done = import(&owner, &upload(&owner, GERMAN).await).await;
    let stranger = world::owner().await;
    let path = done["rejectedRowsPath"].as_str().expect("a path");
    assert_eq!(stranger.request(Method::GET, path).send().await.expect("an answer").status(), 404);
    let cancel = "mutation ($id: ID!) { cancelImport(input: {importId: $id}) { import { id }
        userErrors { code field } } }";
    assert_eq!(stranger.refusal(cancel, json!({"id": done["id"]})).await.0, "NOT_FOUND");
    assert_eq!(owner.refusal(cancel, json!({"id": done["id"]})).await.0, "WRONG_STATE");
}

#[tokio::test]
async fn rejected_rows_that_are_corrected_and_imported_make_the_sales_what_the_right_file_would_have() {
    let owner = world::owner().await;
    let done = import(&owner, &upload(&owner, GERMAN).await).await;
    let path = done["rejectedRowsPath"].as_str().expect("a path").to_owned();
    let rejected = owner.request(Method::GET, &path).send().await.expect("an answer").text().await.expect("a body");
    // What a person does: opens the download, mends the cell, saves, and uploads the file.
    let corrected = rejected.replace("kein Datum", "04.01.2026");
    assert_ne!(rejected, corrected, "{rejected}");

    let file = upload(&owner, &corrected).await;
    let correction = import_as(&owner, json!({"uploadId": file["uploadId"], "corrects": done["id"]})).await;
    assert_eq!((&correction["status"], &correction["rejected"]), (&json!("COMPLETED"), &json!(0)), "{correction}");
    assert_eq!(correction["imported"], 1);
    let totals = "{ salesTotals { transactions units revenue customers } }";
    let whole = json!({"transactions": 4, "units": "7", "revenue": "1065.75", "customers": 2});
    assert_eq!(owner.ok(totals, json!({})).await["salesTotals"], whole);

    // Sent twice, by mistake; and the whole file, corrected at its source: nothing is counted twice.
    let again = upload(&owner, &format!("{corrected}\n")).await;
    import_as(&owner, json!({"uploadId": again["uploadId"], "corrects": done["id"]})).await;
    let source = import(&owner, &upload(&owner, &GERMAN.replace("kein Datum", "04.01.2026")).await).await;
    assert_eq!((&source["unchanged"], &source["imported"]), (&json!(4), &json!(0)), "{source}");
    assert_eq!(owner.ok(totals, json!({})).await["salesTotals"], whole);
}

#[tokio::test]
async fn an_import_that_is_cancelled_keeps_what_it_has_read_and_a_second_one_adds_the_rest() {
    const ROWS: usize = 40_000;
    let owner = world::owner().await;
    let rows = (0..ROWS).map(|i| format!("c{},2026-01-{:02},1,2.00\n", i % 997, i % 28 + 1));
    let text = std::iter::once("customer,date,units,amount\n".to_owned()).chain(rows).collect::<String>();
    let file = upload(&owner, &text).await;
    let start = "mutation ($i: StartImportInput!) { startImport(input: $i) { import { id } userErrors { message } } }";
    let started = owner.ok(start, json!({"i": {"uploadId": file["uploadId"]}})).await;
    let id = started["startImport"]["import"]["id"].clone();
    let look = "query ($id: ID!) { import(id: $id) { status imported } }";
    let found = async || owner.ok(look, json!({"id": id})).await["import"].clone();
    while found().await["imported"].as_u64() == Some(0) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let cancel = "mutation ($id: ID!) { cancelImport(input: {importId: $id}) { import { status }
        userErrors { message } } }";
    let cancelled = owner.ok(cancel, json!({"id": id})).await["cancelImport"].clone();
    assert_eq!(cancelled["userErrors"], json!([]), "{cancelled}");
    let stopped = loop {
        let found = found().await;
        if found["status"] != "RUNNING" {
            break found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let read = stopped["imported"].as_u64().expect("a count");
    assert_eq!(stopped["status"], "CANCELLED", "{stopped}");
    assert!(0 < read && read < ROWS as u64, "{stopped}");
    let transactions =
        async || owner.ok("{ salesTotals { transactions } }", json!({})).await["salesTotals"]["transactions"].as_u64();
    assert_eq!(transactions().await, Some(read));

    let rest = import(&owner, &upload(&owner, &text).await).await;
    assert_eq!((&rest["status"], &rest["unchanged"]), (&json!("COMPLETED"), &json!(read)), "{rest}");
    assert_eq!(rest["imported"], ROWS as u64 - read);
    assert_eq!(transactions().await, Some(ROWS as u64));
}
