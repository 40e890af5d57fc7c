//! Fact tables: what a probe declares and fills, and what checks ask in SQL.
//!
//! A table is declared once, column by column with a sentence each, by [`fact_table!`](crate::fact_table)
//! beside the probe that fills it. The DuckDB schema, `cleanbill facts show` and the documentation come from
//! that declaration. This room never reads the machine.

mod db;
mod set;

pub use db::{FactDb, QueryError, QueryResult};
pub(crate) use db::{append, cell, create_table, json};
pub use set::{Facts, Gap, Reason, State, TableData};

use jiff::Timestamp;

/// SQL type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// `VARCHAR`
    Text,
    /// `BIGINT`
    Integer,
    /// `DOUBLE`
    Real,
    /// `BOOLEAN`
    Boolean,
    /// `TIMESTAMP`, always UTC
    Timestamp,
    /// `MAP(VARCHAR, VARCHAR)`, of metrics alone
    Labels,
}

impl Type {
    /// The name DuckDB gives this type.
    pub fn sql(self) -> &'static str {
        match self {
            Type::Text => "VARCHAR",
            Type::Integer => "BIGINT",
            Type::Real => "DOUBLE",
            Type::Boolean => "BOOLEAN",
            Type::Timestamp => "TIMESTAMP",
            Type::Labels => "MAP(VARCHAR, VARCHAR)",
        }
    }
}

/// One value of one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Not known, or does not apply to this row.
    Null,
    /// Text as read from the machine: hostile until escaped for where it is shown.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A fraction.
    Real(f64),
    /// True or false.
    Boolean(bool),
    /// A moment, UTC.
    Timestamp(Timestamp),
}

/// A Rust type that can be a column of a fact table.
pub trait Cell {
    /// Its SQL type.
    const TYPE: Type;
    /// Whether the column may be null.
    const NULLABLE: bool = false;
    /// The value to store.
    fn into_value(self) -> Value;
}

macro_rules! cell {
    ($rust:ty, $ty:ident, $from:expr) => {
        impl Cell for $rust {
            const TYPE: Type = Type::$ty;
            fn into_value(self) -> Value {
                let convert: fn(Self) -> Value = $from;
                convert(self)
            }
        }
    };
}
cell!(String, Text, Value::Text);
cell!(&'static str, Text, |s| Value::Text(s.to_owned()));
cell!(i64, Integer, Value::Integer);
cell!(u32, Integer, |n| Value::Integer(n.into()));
cell!(f64, Real, Value::Real);
cell!(bool, Boolean, Value::Boolean);
cell!(Timestamp, Timestamp, Value::Timestamp);

impl<T: Cell> Cell for Option<T> {
    const TYPE: Type = T::TYPE;
    const NULLABLE: bool = true;
    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
}

/// A column: its name, its type and one sentence.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Column {
    /// Name in SQL; the field's usual term.
    pub name: &'static str,
    /// SQL type.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Whether it may be null: not known, or does not apply.
    pub nullable: bool,
    /// What it holds, with its unit.
    pub about: &'static str,
}

/// The declaration of a fact table.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Table {
    /// Name in SQL.
    pub name: &'static str,
    /// What a row is.
    pub about: &'static str,
    /// The columns in order.
    pub columns: &'static [Column],
    /// Whether it can be filled from a mounted image (`--root`), without the machine running.
    pub offline: bool,
    /// Queries that show what the table is good for.
    pub examples: &'static [&'static str],
}

/// A row of a fact table: a struct made by [`fact_table!`](crate::fact_table).
pub trait Row {
    /// The declaration.
    const TABLE: &'static Table;
    /// The values in column order.
    fn into_values(self) -> Vec<Value>;
}

/// Declares a fact table and the struct of its rows. The doc comments are the documentation users read:
/// one sentence for the table, one for each column. Column names must not be SQL or Rust keywords.
///
/// ```
/// cleanbill::fact_table! {
///     /// One row for each lamp.
///     "lamps" => Lamp {
///         /// File the row was read from.
///         source: String,
///         /// Brightness in lumen.
///         brightness: Option<i64>,
///     }
///     offline: true,
///     examples: ["select * from lamps where brightness > 800"],
/// }
/// ```
#[macro_export]
macro_rules! fact_table {
    (
        $(#[doc = $about:literal])+
        $table:literal => $name:ident {
            $( $(#[doc = $column_about:literal])+ $column:ident : $ty:ty ),+ $(,)?
        }
        offline: $offline:literal,
        examples: [$($example:literal),* $(,)?] $(,)?
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $column_about])+ pub $column: $ty ),+
        }
        impl $crate::facts::Row for $name {
            const TABLE: &'static $crate::facts::Table = &$crate::facts::Table {
                name: $table,
                about: concat!($($about),+).trim_ascii(),
                columns: &[ $(
                    $crate::facts::Column {
                        name: stringify!($column),
                        ty: <$ty as $crate::facts::Cell>::TYPE,
                        nullable: <$ty as $crate::facts::Cell>::NULLABLE,
                        about: concat!($($column_about),+).trim_ascii(),
                    }
                ),+ ],
                offline: $offline,
                examples: &[$($example),*],
            };
            fn into_values(self) -> Vec<$crate::facts::Value> {
                vec![ $( $crate::facts::Cell::into_value(self.$column) ),+ ]
            }
        }
    };
}
