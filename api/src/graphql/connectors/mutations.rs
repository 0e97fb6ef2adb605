//! Bringing files in.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use dyocense_commands::connectors::StartImport;
use dyocense_domain::ids::{ImportId, UploadId};

use super::types::*;
use super::{Import, load};
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::refusal::{UserError, refusable, refused};
use crate::graphql::request::{caller, commands, settle, visitor};
use crate::graphql::scalars::Position;

/// Which file to look into, and how.
#[derive(InputObject)]
pub struct PreviewImportInput {
    /// The file.
    upload_id: ID,
    /// What is known better than the file tells.
    #[graphql(default)]
    format: CsvFormatInput,
    /// Which column means what; guessed where it is left out.
    mapping: Option<ColumnMappingInput>,
}

/// What became of a look into a file. Nothing was imported.
#[derive(SimpleObject, Default)]
pub struct PreviewImportPayload {
    /// How the file would be read.
    preview: Option<ImportPreview>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// A file to import.
#[derive(InputObject)]
pub struct StartImportInput {
    /// The file.
    upload_id: ID,
    /// What is known better than the file tells.
    #[graphql(default)]
    format: CsvFormatInput,
    /// Which column means what; guessed where it is left out.
    mapping: Option<ColumnMappingInput>,
    /// The currency of amounts (ISO 4217); the business's own where it is left out.
    currency: Option<String>,
    /// The import whose rejected rows this file corrects. Its own file must still be kept: 30 days.
    corrects: Option<ID>,
}

/// What became of starting an import. Rows come in afterwards: ask for the import, or follow `tenantEvents`.
#[derive(SimpleObject, Default)]
pub struct StartImportPayload {
    /// The import.
    import: Option<Import>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Which import to stop.
#[derive(InputObject)]
pub struct CancelImportInput {
    /// The import. Rows that came in stay.
    import_id: ID,
}

/// What became of stopping an import.
#[derive(SimpleObject, Default)]
pub struct CancelImportPayload {
    /// The import as it is now.
    import: Option<Import>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

refusable!(PreviewImportPayload, StartImportPayload, CancelImportPayload);

#[derive(Default)]
pub struct ConnectorsMutation;

#[Object]
impl ConnectorsMutation {
    /// Reads the start of an uploaded file as an import would.
    async fn preview_import(
        &self,
        ctx: &Context<'_>,
        input: PreviewImportInput,
    ) -> Result<PreviewImportPayload, Fault> {
        let caller = visitor(ctx).caller(None)?;
        let Some(upload_id) = ids::of::<UploadId>(Kind::Upload, &input.upload_id) else {
            return Ok(UserError::not_found("upload", &["input", "uploadId"]).into());
        };
        let mapping = input.mapping.map(Into::into);
        match commands(ctx).preview_import(&caller, upload_id, &input.format.into(), mapping).await {
            Ok(preview) => Ok(PreviewImportPayload { preview: Some(preview.into()), user_errors: vec![] }),
            Err(error) => Ok(refused(error)?.into()),
        }
    }

    /// Imports an uploaded file of sales. A file that was imported before changes nothing.
    async fn start_import(
        &self,
        ctx: &Context<'_>,
        input: StartImportInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<StartImportPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(upload_id) = ids::of::<UploadId>(Kind::Upload, &input.upload_id) else {
            return Ok(UserError::not_found("upload", &["input", "uploadId"]).into());
        };
        let corrects = match &input.corrects {
            None => None,
            Some(id) => match ids::of::<ImportId>(Kind::Import, id) {
                Some(import) => Some(import),
                None => return Ok(UserError::not_found("import", &["input", "corrects"]).into()),
            },
        };
        let start = StartImport {
            upload_id,
            format: input.format.into(),
            mapping: input.mapping.map(Into::into),
            currency: input.currency,
            corrects,
        };
        let (import_id, position) = match commands(ctx).start_import(&caller, start).await {
            Ok(started) => started,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, position).await;
        Ok(StartImportPayload {
            import: load::import(ctx, import_id).await?,
            position: Some(Position(position)),
            user_errors: vec![],
        })
    }

    /// Stops an import. Rows that came in stay.
    async fn cancel_import(
        &self,
        ctx: &Context<'_>,
        input: CancelImportInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<CancelImportPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(import_id) = ids::of::<ImportId>(Kind::Import, &input.import_id) else {
            return Ok(UserError::not_found("import", &["input", "importId"]).into());
        };
        let outcome = match commands(ctx).cancel_import(&caller, import_id).await {
            Ok(outcome) => outcome,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, outcome.position).await;
        Ok(CancelImportPayload {
            import: load::import(ctx, import_id).await?,
            position: Some(Position(outcome.position)),
            user_errors: vec![],
        })
    }
}
