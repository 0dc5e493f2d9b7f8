//! A parsed template.

use std::sync::Arc;

use super::compare::Operator;
use super::filters::Filter;
use super::value::Value;

pub(super) type Block = Vec<Node>;

#[derive(Debug)]
pub(super) enum Node {
    Text(Arc<str>),
    /// `{{ … }}` and `{% echo … %}`.
    Output(Filtered),
    Assign {
        name: Arc<str>,
        value: Filtered,
    },
    Capture {
        name: Arc<str>,
        body: Block,
    },
    /// `if` and `unless`: the first branch whose condition holds.
    If {
        branches: Vec<Branch>,
        otherwise: Block,
    },
    Case(Case),
    For(Box<Loop>),
    TableRow(Box<Loop>),
    Cycle(Cycle),
    Increment(Arc<str>),
    Decrement(Arc<str>),
    Break,
    Continue,
    /// `{% liquid … %}`
    Tags(Block),
    /// The recipient gets nothing.
    Skip(Option<Filtered>),
    Nothing,
}

#[derive(Debug)]
pub(super) struct Branch {
    pub condition: Filtered,
    /// `unless`: it is taken where the condition does not hold.
    pub is_negated: bool,
    pub body: Block,
}

#[derive(Debug)]
pub(super) struct Case {
    pub value: Filtered,
    /// Every branch that matches is rendered.
    pub branches: Vec<When>,
    pub otherwise: Block,
}

/// `{% when a, b %}`
#[derive(Debug)]
pub(super) struct When {
    pub candidates: Vec<Operand>,
    pub body: Block,
}

#[derive(Debug)]
pub(super) struct Cycle {
    pub group: Option<Operand>,
    pub candidates: Vec<Filtered>,
    /// Cycles with the same group and candidates count together.
    pub text: String,
}

#[derive(Debug)]
pub(super) struct Loop {
    pub variable: Arc<str>,
    pub collection: Operand,
    /// `collection` as it is written.
    pub collection_text: String,
    /// `limit:2`; none: the word stands alone.
    pub parameters: Vec<(String, Option<Operand>)>,
    pub body: Block,
    pub otherwise: Block,
}

/// An expression and the filters behind it.
#[derive(Debug)]
pub(super) struct Filtered {
    pub initial: Expression,
    pub filters: Vec<FilterCall>,
}

impl Filtered {
    /// Whether the template provides for an absent value.
    pub(super) fn has_default(&self) -> bool {
        self.filters.iter().any(|filter| filter.name == "default")
    }
}

#[derive(Debug)]
pub(super) struct FilterCall {
    pub name: &'static str,
    pub filter: Filter,
    pub arguments: Vec<Argument>,
}

#[derive(Debug)]
pub(super) enum Argument {
    Positional(Operand),
    Named(Arc<str>, Option<Operand>),
}

/// Operands and operators in the order in which they are evaluated.
#[derive(Debug)]
pub(super) struct Expression(pub Vec<Step>);

#[derive(Debug)]
pub(super) enum Step {
    Operand(Operand),
    Operator(Operator),
}

#[derive(Debug)]
pub(super) enum Operand {
    Value(Value),
    Path(Box<Path>),
    /// `(first..last)`
    Range(Box<(Operand, Operand)>),
}

/// `user.names[0]`
#[derive(Debug)]
pub(super) struct Path {
    /// `"text".size`; none: the first key is a variable.
    pub base: Option<Operand>,
    pub keys: Vec<Operand>,
    /// As it is written.
    pub text: String,
}
