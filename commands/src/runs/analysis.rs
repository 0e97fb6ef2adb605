//! What a kind of run is: how its input is gathered from the read models, and how the input becomes an answer.

use async_trait::async_trait;
use dyocense_domain::optimization::PlanFamily;
use dyocense_domain::runs::{RunKind, RunRefusal};
use dyocense_eventlog::TenantId;
use serde_json::Value;

use super::Control;
use crate::error::Fault;
use crate::evidence::{ChangeExplaining, GraphLearning, Simulating};
use crate::execute::Commands;
use crate::forecasting::{AddingUp, AnomalyDetection, Backtesting, ChangeDetection, Forecasting, Supposing, Watching};
use crate::optimization::Planning;

/// Why a run has no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// In plain words, with the value and the bound. The same request on the same data meets it again.
    Impossible(String),
    /// It was stopped before there was anything to answer.
    Stopped,
}

/// All that a method is given. Equal inputs and seeds give equal answers.
pub struct Gathered {
    pub input: Value,
}

/// An answer, with what people read of it.
pub struct Computed {
    pub answer: Value,
    pub summary: String,
    pub caveats: Vec<String>,
    pub stopped_early: bool,
}

#[async_trait]
pub(crate) trait Analysis: Send + Sync + 'static {
    /// The method and its version.
    fn method(&self) -> &'static str;

    /// Refuses what can never be answered, before anything is queued.
    fn check(&self, request: &Value) -> Result<(), RunRefusal>;

    async fn gather(
        &self,
        commands: &Commands,
        tenant: TenantId,
        request: &Value,
    ) -> Result<Result<Gathered, NoAnswer>, Fault>;

    /// Pure, and long: runs on a thread of its own.
    fn compute(&self, input: &Value, seed: u32, control: &Control) -> Result<Computed, NoAnswer>;
}

/// None: a kind that this version of the program does not run.
pub(crate) fn analysis(kind: RunKind) -> Option<&'static dyn Analysis> {
    match kind {
        RunKind::Forecast => Some(&Forecasting),
        RunKind::Backtest => Some(&Backtesting),
        RunKind::Anomalies => Some(&AnomalyDetection),
        RunKind::Watch => Some(&Watching),
        RunKind::WhatIf => Some(&Supposing),
        RunKind::Changepoints => Some(&ChangeDetection),
        RunKind::Hierarchy => Some(&AddingUp),
        RunKind::Inventory => Some(&Planning(PlanFamily::Inventory)),
        RunKind::Staffing => Some(&Planning(PlanFamily::Staffing)),
        RunKind::Roster => Some(&Planning(PlanFamily::Roster)),
        RunKind::Budget => Some(&Planning(PlanFamily::Budget)),
        RunKind::ChangeExplanation => Some(&ChangeExplaining),
        RunKind::Intervention => Some(&Simulating),
        RunKind::CausalGraph => Some(&GraphLearning),
    }
}
