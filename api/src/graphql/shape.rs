//! The schema's outline as limits and authorization need it: which field of which type leads to which type.

use std::collections::HashMap;

use async_graphql::parser::types::{BaseType, Type, TypeKind, TypeSystemDefinition};
use async_graphql::parser::{Error, parse_schema};

/// What one field leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldShape {
    /// The named type, without lists and non-nulls.
    pub target: String,
    pub list: bool,
}

impl FieldShape {
    pub fn is_connection(&self) -> bool {
        self.target.ends_with("Connection")
    }
}

/// Object and interface types with their fields.
#[derive(Debug, Default)]
pub struct Shape {
    types: HashMap<String, HashMap<String, FieldShape>>,
}

impl Shape {
    pub fn of_sdl(sdl: &str) -> Result<Shape, Error> {
        let mut types = HashMap::new();
        for definition in parse_schema(sdl)?.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => continue,
            };
            let fields = fields.into_iter().map(|field| {
                let (target, list) = unwrapped(&field.node.ty.node);
                (field.node.name.node.to_string(), FieldShape { target, list })
            });
            types.insert(name, fields.collect());
        }
        Ok(Shape { types })
    }

    pub fn field(&self, type_name: &str, field: &str) -> Option<&FieldShape> {
        self.types.get(type_name)?.get(field)
    }

    /// Every `(type, field)` there is.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.types.iter().flat_map(|(name, fields)| fields.keys().map(move |field| (name.as_str(), field.as_str())))
    }
}

fn unwrapped(ty: &Type) -> (String, bool) {
    match &ty.base {
        BaseType::Named(name) => (name.to_string(), false),
        BaseType::List(inner) => (unwrapped(inner).0, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_non_nulls_are_looked_through() {
        let shape = Shape::of_sdl("type Query { goals: [Goal!]! goal: Goal } type Goal { id: ID! }").unwrap();
        assert_eq!(shape.field("Query", "goals"), Some(&FieldShape { target: "Goal".into(), list: true }));
        assert_eq!(shape.field("Query", "goal"), Some(&FieldShape { target: "Goal".into(), list: false }));
        assert_eq!(shape.field("Query", "nothing"), None);
        assert_eq!(shape.fields().count(), 3);
    }
}
