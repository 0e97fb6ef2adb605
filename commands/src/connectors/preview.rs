use dyocense_domain::connectors::{
    ColumnMapping, FormatOverrides, ReadOptions, Row, SAMPLE_BYTES, SniffError, Sniffed, TransactionReader, is_code,
    sniff,
};
use dyocense_domain::identity::Business;
use dyocense_domain::ids::{BUSINESS_STREAM, UploadId};
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_eventlog::TenantId;

use super::uploads::Upload;
use crate::caller::Caller;
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, stream_id};
use crate::secrets::keyed_hash;

const PREVIEW_ROWS: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreviewRefusal {
    #[error("there is no such upload, or it was not received whole")]
    NoSuchUpload,
    #[error(transparent)]
    Unreadable(#[from] SniffError),
}

/// How a file would be read, and its first rows read that way.
#[derive(Debug, Clone)]
pub struct ImportPreview {
    pub upload: Upload,
    pub sniffed: Sniffed,
    /// Empty while the mapping is not known.
    pub rows: Vec<PreviewRow>,
    pub currency: String,
}

pub type PreviewRow = Row;

impl Commands {
    /// Reads the start of an upload as an import would; `mapping` overrules the guessed columns.
    pub async fn preview_import(
        &self,
        caller: &Caller,
        upload_id: UploadId,
        overrides: &FormatOverrides,
        mapping: Option<ColumnMapping>,
    ) -> Result<ImportPreview, CommandError<PreviewRefusal>> {
        let refused = CommandError::Refused;
        let upload = self.upload(caller.tenant, upload_id).await?.ok_or(refused(PreviewRefusal::NoSuchUpload))?;
        let (time_zone, currency) = self.locale(caller.tenant).await?;
        let mut sample = self.upload_chunk(caller.tenant, upload_id, 0).await?.unwrap_or_default();
        let complete = upload.bytes <= SAMPLE_BYTES as u64;
        sample.truncate(SAMPLE_BYTES);
        let mut sniffed = sniff(&sample, complete, overrides, &time_zone).map_err(|error| refused(error.into()))?;
        if mapping.is_some() {
            sniffed.mapping = mapping;
        }
        let rows = match &sniffed.mapping {
            Some(mapping) => {
                let options = self.read_options(caller.tenant, &sniffed, mapping, &currency, &time_zone);
                first_rows(&sample, options)?
            }
            None => Vec::new(),
        };
        Ok(ImportPreview { upload, sniffed, rows, currency })
    }

    /// The time zone and currency of a business.
    pub(crate) async fn locale(&self, tenant: TenantId) -> Result<(TimeZoneName, String), Fault> {
        let business = self.load::<Business>(tenant, &stream_id(BUSINESS_STREAM.to_owned())?).await?.state;
        let profile = business.profile.ok_or_else(|| Fault::internal("a tenant without a business"))?;
        Ok((profile.time_zone, profile.currency))
    }

    fn read_options(
        &self,
        tenant: TenantId,
        sniffed: &Sniffed,
        mapping: &ColumnMapping,
        currency: &str,
        time_zone: &TimeZoneName,
    ) -> ReadOptions {
        ReadOptions {
            format: sniffed.format.clone(),
            mapping: mapping.clone(),
            currency: currency.to_owned(),
            time_zone: time_zone.clone(),
            latest: self.latest_day(time_zone),
            pseudonymize: self.pseudonymizer(tenant),
        }
    }

    /// Rows dated later are slips: tomorrow, because a shop's clock may be ahead of ours.
    pub(crate) fn latest_day(&self, time_zone: &TimeZoneName) -> jiff::civil::Date {
        let today = time_zone.date_of(self.now());
        today.tomorrow().unwrap_or(today)
    }

    /// Codes stay as they are; what could name a person becomes a keyed hash, another one in each business.
    pub(crate) fn pseudonymizer(&self, tenant: TenantId) -> Box<dyn Fn(&str) -> String + Send> {
        let key = self.master_key.derive("customer pseudonyms");
        Box::new(move |customer| {
            if is_code(customer) {
                return customer.to_owned();
            }
            let folded = customer.to_lowercase();
            let hash = keyed_hash(&key, &[tenant.to_string().as_bytes(), folded.as_bytes()]);
            format!("p-{}", hex::encode(&hash[..10]))
        })
    }
}

fn first_rows(sample: &[u8], options: ReadOptions) -> Result<Vec<Row>, Fault> {
    let mut reader = TransactionReader::new(sample, options).map_err(Fault::internal)?;
    let mut rows = Vec::new();
    while rows.len() < PREVIEW_ROWS {
        match reader.next_row().map_err(Fault::internal)? {
            Some(row) => rows.push(row),
            None => break,
        }
    }
    Ok(rows)
}
