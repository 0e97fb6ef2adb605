// Importing a ledger: choose a file, see how it is read, import, and correct what could not be read.

import { run, upload, download, ApiError } from "./client.js";
import { h, number, day, moment, words, form } from "./page.js";

const IMPORT = `id fileName status progress failure startedAt rows imported unchanged corrected rejected firstDay lastDay units amount rejectedRowsPath`;

export async function sales(main, business, leave) {
  const preview = h("div", {});
  const list = h("div", { class: "scroll" });
  main.replaceChildren(
    h("section", { class: "card" }, h("h2", {}, "Import sales"),
      h("p", { class: "soft" }, "A CSV file with a date and an amount in each row. Quantity, customer, order and product are used where they are found."),
      form([h("label", {}, "File", h("input", { type: "file", name: "file", accept: ".csv,.tsv,.txt,text/csv", required: true }))], "Preview", async ({ file }) => {
        const uploadId = await upload(file);
        const data = await run(
          `mutation ($input: PreviewImportInput!) { previewImport(input: $input) { preview {
            format { delimiter encoding decimalSeparator dateFormat header } columns doubts currency
            mapping { date amount units customer order product }
            rows { line problem sale { day amount units customer order } } } userErrors { message } } }`,
          { input: { uploadId } },
        );
        showPreview(uploadId, file.name, data.previewImport.preview);
      }), preview),
    h("section", { class: "card" }, h("h2", {}, "Imports"), list),
  );

  function showPreview(uploadId, name, read) {
    const meaning = Object.entries(read.mapping ?? {}).filter(([, column]) => Number.isInteger(column)).map(([what, column]) => `${what}: ${read.columns[column]}`);
    preview.replaceChildren(
      h("h3", {}, `How ${name} is read`),
      h("p", { class: "small" }, `Separated by “${read.format.delimiter === "\t" ? "tab" : read.format.delimiter}”, ${read.format.encoding}, decimal “${read.format.decimalSeparator}”, dates ${words(read.format.dateFormat)}. ${meaning.join(", ")}.`),
      ...read.doubts.map((doubt) => h("p", { class: "small AT_RISK" }, doubt)),
      h("div", { class: "scroll" }, h("table", {},
        h("tr", {}, ...["Line", "Day", "Amount", "Units", "Customer", "Problem"].map((title) => h("th", {}, title))),
        ...read.rows.slice(0, 8).map((row) => h("tr", {},
          h("td", {}, row.line), h("td", {}, row.sale ? day(row.sale.day) : ""), h("td", {}, row.sale ? number(row.sale.amount, read.currency) : ""),
          h("td", {}, row.sale ? number(row.sale.units) : ""), h("td", {}, row.sale?.customer ?? ""), h("td", { class: "error" }, row.problem ?? ""))))),
      read.mapping
        ? form([], "Import", async () => {
            await run(`mutation ($input: StartImportInput!) { startImport(input: $input) { import { id } userErrors { message } } }`, { input: { uploadId } });
            preview.replaceChildren();
            await refresh();
          })
        : h("p", { class: "error" }, "Which columns hold the date and the amount could not be found."),
    );
  }

  let timer = null;
  async function refresh() {
    clearTimeout(timer);
    const { imports } = await run(`{ imports(last: 20) { edges { node { ${IMPORT} } } } }`);
    const known = imports.edges.map(({ node }) => node).toReversed();
    list.replaceChildren(known.length === 0 ? h("p", { class: "soft" }, "No imports yet.") : h("table", {},
      h("tr", {}, ...["File", "Started", "Status", "New", "Corrected", "Unchanged", "Rejected", "Amount"].map((title) => h("th", {}, title))),
      ...known.map((one) => h("tr", {},
        h("td", {}, one.fileName), h("td", {}, moment(one.startedAt)),
        h("td", {}, one.status === "RUNNING" ? `${Math.round(one.progress * 100)} %` : one.failure ?? words(one.status)),
        h("td", {}, number(one.imported)), h("td", {}, number(one.corrected)), h("td", {}, number(one.unchanged)),
        h("td", {}, one.rejectedRowsPath && Number(one.rejected) > 0
          ? h("a", { href: "#sales", onclick: (event) => {
              event.preventDefault();
              download(one.rejectedRowsPath, `rejected-${one.fileName}`).catch((error) => alert(error instanceof ApiError ? error.message : "The download failed."));
            } }, number(one.rejected))
          : number(one.rejected)),
        h("td", {}, number(one.amount, business.currency))))));
    if (known.some((one) => one.status === "RUNNING")) timer = setTimeout(() => refresh().catch(() => {}), 1000);
  }
  leave.push(() => clearTimeout(timer));
  await refresh();
}
