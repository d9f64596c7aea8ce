//! The kinds of nodes and edges as GraphQL enums, from the model's own tables: a kind is declared in one place only.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::Field;
use async_graphql::registry::{Deprecation, MetaEnumValue, MetaType, MetaTypeId, Registry};
use async_graphql::{
    ContextSelectionSet, InputType, InputValueError, InputValueResult, Name, OutputType, Positioned, ServerResult,
    Value,
};

/// A table of the model whose rows have names.
pub trait KindTable: Copy + Send + Sync + 'static {
    /// The name of the GraphQL enum.
    const NAME: &'static str;
    /// What the enum is.
    const DESCRIPTION: &'static str;

    /// Every row.
    fn all() -> &'static [Self];
    /// The row's name.
    fn name(self) -> &'static str;
    /// The row's help text.
    fn help(self) -> &'static str;
}

impl KindTable for hopwatch_model::NodeKind {
    const NAME: &'static str = "NodeKind";
    const DESCRIPTION: &'static str = "The kind of a node.";

    fn all() -> &'static [Self] {
        Self::ALL
    }

    fn name(self) -> &'static str {
        Self::name(self)
    }

    fn help(self) -> &'static str {
        Self::help(self)
    }
}

impl KindTable for hopwatch_model::EdgeKind {
    const NAME: &'static str = "EdgeKind";
    const DESCRIPTION: &'static str = "The kind of an edge.";

    fn all() -> &'static [Self] {
        Self::ALL
    }

    fn name(self) -> &'static str {
        Self::name(self)
    }

    fn help(self) -> &'static str {
        Self::help(self)
    }
}

/// A row of a table as a value of the GraphQL enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind<K>(pub K);

/// A node's kind.
pub type NodeKind = Kind<hopwatch_model::NodeKind>;
/// An edge's kind.
pub type EdgeKind = Kind<hopwatch_model::EdgeKind>;

impl<K: KindTable> Kind<K> {
    fn register(registry: &mut Registry) -> MetaType {
        let _ = registry;
        let values = K::all().iter().map(|kind| {
            let value = MetaEnumValue {
                name: kind.name().to_owned(),
                description: Some(kind.help().to_owned()),
                deprecation: Deprecation::NoDeprecated,
                visible: None,
                inaccessible: false,
                tags: Vec::new(),
                directive_invocations: Vec::new(),
            };
            (kind.name().to_owned(), value)
        });
        MetaType::Enum {
            name: K::NAME.to_owned(),
            description: Some(K::DESCRIPTION.to_owned()),
            enum_values: values.collect::<IndexMap<_, _>>(),
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            rust_typename: Some(std::any::type_name::<Self>()),
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        }
    }

    fn value(self) -> Value {
        Value::Enum(Name::new(self.0.name()))
    }
}

impl<K: KindTable> InputType for Kind<K> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        K::NAME.into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_input_type::<Self, _>(MetaTypeId::Enum, Self::register)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let value = value.unwrap_or_default();
        let name = match &value {
            Value::Enum(name) => name.as_str(),
            Value::String(name) => name.as_str(),
            _ => return Err(InputValueError::expected_type(value)),
        };
        let found = K::all().iter().copied().find(|kind| kind.name() == name);
        found.map(Self).ok_or_else(|| InputValueError::custom(format!("there is no {} `{name}`", K::NAME)))
    }

    fn to_value(&self) -> Value {
        self.value()
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

impl<K: KindTable> OutputType for Kind<K> {
    fn type_name() -> Cow<'static, str> {
        K::NAME.into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Enum, Self::register)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(self.value())
    }
}
