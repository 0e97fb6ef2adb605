//! What a document may ask for, measured before anything is validated or run.
//!
//! The measure unfolds fragments the way execution does, but stops at the limit, so that a small document of
//! fragments that spread each other twice costs no more than the limit. Invariant (`tests`): work is bounded by
//! `max_fields` whatever the document.

use async_graphql::parser::types::{
    ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value, Variables};

use super::fault::{Code, Fault};
use super::shape::{FieldShape, Shape};
use crate::settings::GraphqlSettings;

/// Brackets of any kind within each other. The parser recurses once per level.
const MOST_BRACKETS: usize = 100;
/// Names, values and punctuators in a document.
const MOST_TOKENS: usize = 15_000;
const MOST_OPERATIONS: usize = 20;
/// Fragments within fragments, without a field between them.
const MOST_NESTED_FRAGMENTS: usize = 32;
/// Nested introspection lists (`fields { type { fields …`): each multiplies the answer by the size of the schema.
const MOST_INTROSPECTION_LISTS: usize = 2;
/// The page of a connection that asks for none.
pub const DEFAULT_PAGE: u32 = 50;
/// The largest page of a connection.
pub const LARGEST_PAGE: u32 = 500;

/// Refuses texts that would be costly merely to parse.
pub fn scan(document: &str) -> Result<(), Fault> {
    let (mut depth, mut tokens) = (0_usize, 0_usize);
    let mut in_word = false;
    let mut bytes = document.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let word = byte.is_ascii_alphanumeric() || byte == b'_';
        if word && in_word {
            continue;
        }
        in_word = word;
        match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > MOST_BRACKETS {
                    return Err(exceeded(format!("brackets are nested more than {MOST_BRACKETS} deep")));
                }
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'#' => while bytes.next_if(|byte| *byte != b'\n' && *byte != b'\r').is_some() {},
            b'"' => skip_string(&mut bytes),
            _ if byte.is_ascii_whitespace() || byte == b',' => continue,
            _ => {}
        }
        tokens += 1;
        if tokens > MOST_TOKENS {
            return Err(exceeded(format!("the document has more than {MOST_TOKENS} tokens")));
        }
    }
    Ok(())
}

fn skip_string(bytes: &mut std::iter::Peekable<std::str::Bytes<'_>>) {
    // An empty string `""` also opens a block string when a third quote follows.
    if bytes.next_if_eq(&b'"').is_some() {
        if bytes.next_if_eq(&b'"').is_none() {
            return;
        }
        let mut quotes = 0;
        for byte in bytes.by_ref() {
            quotes = if byte == b'"' { quotes + 1 } else { 0 };
            if quotes == 3 {
                return;
            }
        }
        return;
    }
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'"' | b'\n' => return,
            _ => {}
        }
    }
}

/// What one operation asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Fields, each counted once for every item of the pages it lies in.
    pub cost: u64,
    /// Fields of the root type, fragments unfolded.
    pub root_fields: Vec<String>,
    /// `(type, field)` of every field of ours that is asked for.
    pub touched: Vec<(String, String)>,
    pub introspects: bool,
}

/// Measures every operation of the document against the limits, and answers the one that is to run.
pub fn measure(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    shape: &Shape,
    limits: &GraphqlSettings,
) -> Result<Measure, Fault> {
    if document.operations.iter().count() > MOST_OPERATIONS {
        return Err(exceeded(format!("the document has more than {MOST_OPERATIONS} operations")));
    }
    let mut written = Written::default();
    for fragment in document.fragments.values() {
        written.count(&fragment.node.selection_set.node, limits)?;
        written.directives(fragment.node.directives.len(), limits)?;
    }
    for (_, operation) in document.operations.iter() {
        written.count(&operation.node.selection_set.node, limits)?;
        written.directives(operation.node.directives.len(), limits)?;
    }
    // Validation walks every operation, so each must be in bounds, not only the one that runs.
    let mut chosen = Measure::default();
    for (_, candidate) in document.operations.iter() {
        let measured = Walk::new(document, &candidate.node, variables, shape, limits).measure()?;
        if std::ptr::eq(&candidate.node, operation) {
            chosen = measured;
        }
    }
    Ok(chosen)
}

/// What is written in the document, fragments counted once where they are defined.
#[derive(Default)]
struct Written {
    fields: usize,
    aliases: usize,
    directives: usize,
}

impl Written {
    /// Recurses as deep as the text nests, which [`scan`] has bounded.
    fn count(&mut self, selection: &SelectionSet, limits: &GraphqlSettings) -> Result<(), Fault> {
        for item in &selection.items {
            self.fields += 1;
            if self.fields > limits.max_fields {
                return Err(exceeded(format!("the document selects more than {} fields", limits.max_fields)));
            }
            self.directives(item.node.directives().len(), limits)?;
            match &item.node {
                Selection::Field(field) => {
                    self.aliases += usize::from(field.node.alias.is_some());
                    if self.aliases > limits.max_aliases {
                        return Err(exceeded(format!("the document has more than {} aliases", limits.max_aliases)));
                    }
                    self.count(&field.node.selection_set.node, limits)?;
                }
                Selection::InlineFragment(inline) => self.count(&inline.node.selection_set.node, limits)?,
                Selection::FragmentSpread(_) => {}
            }
        }
        Ok(())
    }

    fn directives(&mut self, more: usize, limits: &GraphqlSettings) -> Result<(), Fault> {
        self.directives += more;
        if self.directives > limits.max_directives {
            return Err(exceeded(format!("the document has more than {} directives", limits.max_directives)));
        }
        Ok(())
    }
}

/// One operation, unfolded.
struct Walk<'a> {
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    shape: &'a Shape,
    limits: &'a GraphqlSettings,
    selections: usize,
    /// The names of the fragments being unfolded, outermost first.
    fragments: Vec<&'a str>,
    measure: Measure,
}

/// Where in the operation the walk is.
#[derive(Clone, Copy)]
struct Place<'a> {
    parent: Option<&'a str>,
    depth: usize,
    factor: u64,
    introspection: bool,
    introspection_lists: usize,
}

impl<'a> Walk<'a> {
    fn new(
        document: &'a ExecutableDocument,
        operation: &'a OperationDefinition,
        variables: &'a Variables,
        shape: &'a Shape,
        limits: &'a GraphqlSettings,
    ) -> Self {
        let measure = Measure::default();
        Self { document, operation, variables, shape, limits, selections: 0, fragments: vec![], measure }
    }

    fn measure(mut self) -> Result<Measure, Fault> {
        let parent = Some(match self.operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        });
        let place = Place { parent, depth: 0, factor: 1, introspection: false, introspection_lists: 0 };
        self.selection(&self.operation.selection_set.node, place)?;
        Ok(self.measure)
    }

    fn selection(&mut self, selection: &'a SelectionSet, place: Place<'a>) -> Result<(), Fault> {
        for item in &selection.items {
            self.selections += 1;
            if self.selections > self.limits.max_fields {
                return Err(exceeded(format!("the query selects more than {} fields", self.limits.max_fields)));
            }
            match &item.node {
                Selection::Field(field) => self.field(field, place)?,
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref().map(|on| on.node.on.node.as_str());
                    let place = Place { parent: condition.or(place.parent), ..place };
                    self.selection(&inline.node.selection_set.node, place)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    // A name without a definition is for validation to report.
                    if let Some(fragment) = self.document.fragments.get(name) {
                        self.fragment(name, &fragment.node, place)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn fragment(&mut self, name: &'a str, fragment: &'a FragmentDefinition, place: Place<'a>) -> Result<(), Fault> {
        if self.fragments.contains(&name) {
            return Err(Fault::new(Code::Invalid, format!("fragment `{name}` contains itself")));
        }
        if self.fragments.len() >= MOST_NESTED_FRAGMENTS {
            return Err(exceeded(format!("fragments are nested more than {MOST_NESTED_FRAGMENTS} deep")));
        }
        self.fragments.push(name);
        let parent = Some(fragment.type_condition.node.on.node.as_str());
        self.selection(&fragment.selection_set.node, Place { parent, ..place })?;
        self.fragments.pop();
        Ok(())
    }

    fn field(&mut self, field: &'a Positioned<Field>, place: Place<'a>) -> Result<(), Fault> {
        let name = field.node.name.node.as_str();
        let depth = place.depth + 1;
        if depth > self.limits.max_depth {
            return Err(exceeded(format!("the query is nested more than {} deep", self.limits.max_depth)));
        }
        if place.depth == 0 {
            self.measure.root_fields.push(name.to_owned());
        }
        let introspection = place.introspection || matches!(name, "__schema" | "__type");
        let nested = &field.node.selection_set.node;
        if introspection {
            self.measure.introspects = true;
            let list = matches!(name, "fields" | "interfaces" | "possibleTypes" | "inputFields");
            let introspection_lists = place.introspection_lists + usize::from(list);
            if introspection_lists > MOST_INTROSPECTION_LISTS {
                let most = MOST_INTROSPECTION_LISTS;
                return Err(exceeded(format!("introspection lists are nested more than {most} deep")));
            }
            return self.selection(nested, Place { parent: None, depth, introspection, introspection_lists, ..place });
        }
        let shape = place.parent.and_then(|parent| self.shape.field(parent, name));
        if let (Some(parent), Some(_)) = (place.parent, shape) {
            self.measure.touched.push((parent.to_owned(), name.to_owned()));
        }
        self.measure.cost = self.measure.cost.saturating_add(place.factor);
        if self.measure.cost > self.limits.max_cost {
            let most = self.limits.max_cost;
            return Err(exceeded(format!(
                "the query costs more than {most}: ask for smaller pages (`first`) or fewer fields"
            )));
        }
        let factor = place.factor.saturating_mul(shape.map_or(1, |shape| self.page(field, shape)));
        let parent = shape.map(|shape| shape.target.as_str());
        self.selection(nested, Place { parent, depth, factor, ..place })
    }

    /// How many items the field's own selection is resolved for.
    fn page(&self, field: &Positioned<Field>, shape: &FieldShape) -> u64 {
        let asked = ["first", "last", "maxPoints"].iter().find_map(|argument| {
            let value = &field.node.get_argument(argument)?.node;
            let value = value.clone().into_const_with(|name| self.variable(&name).ok_or(())).ok()?;
            match value {
                Value::Number(number) => number.as_u64(),
                _ => None,
            }
        });
        match asked {
            Some(page) => page.clamp(1, 100_000),
            None if shape.is_connection() => u64::from(DEFAULT_PAGE),
            // `edges` and `nodes` lie in a connection, which has been counted.
            None => 1,
        }
    }

    fn variable(&self, name: &Name) -> Option<Value> {
        self.variables.get(name).cloned().or_else(|| {
            let mut definitions = self.operation.variable_definitions.iter();
            let definition = definitions.find(|definition| definition.node.name.node == *name)?;
            definition.node.default_value.as_ref().map(|value| value.node.clone())
        })
    }
}

fn exceeded(message: String) -> Fault {
    Fault::new(Code::LimitExceeded, message)
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
