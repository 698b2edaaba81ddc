//! Between columns and the types of the domain. A value that the domain refuses is a damaged row: `Storage`.

use std::collections::HashMap;
use std::str::FromStr;

use rusqlite::types::FromSql;
use rusqlite::{OptionalExtension, Params, Statement};
use serde::Serialize;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};

use super::Tx;
use crate::domain::Timestamp;
use crate::domain::fault::{Fault, Kind, Result};

/// Times are stored in microseconds, so the store hands out no finer ones.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Fault::new(Kind::Failure, format!("writing a column as JSON: {e}")))
}

/// The contract's word of a state or kind (`needs_input`).
pub(super) fn word<T: Serialize>(value: &T) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        other => Err(Fault::new(Kind::Failure, format!("not a word: {other:?}"))),
    }
}

/// Where each column of a query stands; of two with one name, the first. Asked once for each query: SQLite compares all names for
/// each value that is read by name, which was most of the time of a long list.
struct Places(HashMap<String, usize>);

impl Places {
    fn of(statement: &Statement<'_>) -> Self {
        let mut places = HashMap::new();
        for (at, name) in statement.column_names().enumerate() {
            places.entry(name.to_owned()).or_insert(at);
        }
        Self(places)
    }
}

/// One row of a query's result, read by the names of its columns.
pub(super) struct Row<'a> {
    row: &'a rusqlite::Row<'a>,
    places: &'a Places,
}

impl Row<'_> {
    fn get<T: FromSql>(&self, column: &str) -> rusqlite::Result<T> {
        let place = self.places.0.get(column);
        let place = place.ok_or_else(|| rusqlite::Error::InvalidColumnName(column.to_owned()))?;
        self.row.get(*place)
    }
}

/// Typed access to the columns of a row.
pub(super) trait Columns {
    fn text(&self, column: &str) -> Result<String>;
    fn maybe_text(&self, column: &str) -> Result<Option<String>>;
    fn integer(&self, column: &str) -> Result<i64>;
    fn maybe_integer(&self, column: &str) -> Result<Option<i64>>;
    fn bytes(&self, column: &str) -> Result<Vec<u8>>;

    fn flag(&self, column: &str) -> Result<bool> {
        Ok(self.integer(column)? != 0)
    }
    fn number<T: TryFrom<i64>>(&self, column: &str) -> Result<T> {
        let value = self.integer(column)?;
        T::try_from(value).map_err(|_| bad(column, value))
    }
    fn maybe_number<T: TryFrom<i64>>(&self, column: &str) -> Result<Option<T>> {
        let value = self.maybe_integer(column)?;
        value.map(|v| T::try_from(v).map_err(|_| bad(column, v))).transpose()
    }
    fn time(&self, column: &str) -> Result<Timestamp> {
        from_micros(column, self.integer(column)?)
    }
    fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>> {
        self.maybe_integer(column)?
            .map(|at| from_micros(column, at))
            .transpose()
    }
    fn id<T: FromStr>(&self, column: &str) -> Result<T> {
        let text = self.text(column)?;
        text.parse().map_err(|_| bad(column, text))
    }
    fn maybe_id<T: FromStr>(&self, column: &str) -> Result<Option<T>> {
        let text = self.maybe_text(column)?;
        text.map(|t| t.parse().map_err(|_| bad(column, t))).transpose()
    }
    fn word<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        let text = self.text(column)?;
        let plain: StrDeserializer<'_, serde_json::Error> = text.as_str().into_deserializer();
        T::deserialize(plain).map_err(|_| bad(column, &text))
    }
    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(&self.text(column)?).map_err(|e| bad(column, e))
    }
    fn maybe_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>> {
        let text = self.maybe_text(column)?;
        text.map(|t| serde_json::from_str(&t).map_err(|e| bad(column, e)))
            .transpose()
    }
}

impl Columns for Row<'_> {
    fn text(&self, column: &str) -> Result<String> {
        Ok(self.get(column)?)
    }
    fn maybe_text(&self, column: &str) -> Result<Option<String>> {
        Ok(self.get(column)?)
    }
    fn integer(&self, column: &str) -> Result<i64> {
        Ok(self.get(column)?)
    }
    fn maybe_integer(&self, column: &str) -> Result<Option<i64>> {
        Ok(self.get(column)?)
    }
    fn bytes(&self, column: &str) -> Result<Vec<u8>> {
        Ok(self.get(column)?)
    }
}

fn from_micros(column: &str, at: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(at).map_err(|_| bad(column, at))
}

fn bad(column: &str, value: impl std::fmt::Display) -> Fault {
    Fault::new(
        Kind::Storage,
        format!("the store: column `{column}` holds something unknown: {value}"),
    )
    .hint("Stop the daemon and put the newest file of `backups/` in the place of `telecoder.db`.")
}

impl Tx<'_> {
    /// Every row of a query, mapped.
    pub(super) fn all<T>(&self, sql: &str, params: impl Params, map: impl Fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let places = Places::of(&statement);
        let mut rows = statement.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(map(&Row { row, places: &places })?);
        }
        Ok(all)
    }

    /// The first row of a query, mapped.
    pub(super) fn maybe<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let places = Places::of(&statement);
        let mut rows = statement.query(params)?;
        let first = rows.next()?;
        first.map(|row| map(&Row { row, places: &places })).transpose()
    }

    /// One number; 0 when the query finds no row or null.
    pub(super) fn count(&self, sql: &str, params: impl Params) -> Result<i64> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let found: Option<Option<i64>> = statement.query_row(params, |row| row.get(0)).optional()?;
        Ok(found.flatten().unwrap_or(0))
    }

    /// Runs a change; how many rows it touched.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize> {
        Ok(self.conn.prepare_cached(sql)?.execute(params)?)
    }
}
