//! Many finished runs at once: copies of one that was really run, laid into the database without an engine.

use std::path::Path;

use anyhow::Context as _;
use rusqlite::Connection;

/// Lays so many copies of the database's only run beside it.
pub(crate) fn repeat_the_finished_run(database: &Path, copies: usize) -> anyhow::Result<()> {
    let connection = Connection::open(database)?;
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update(None, "cache_size", -262_144)?;
    let transaction = connection.unchecked_transaction()?;
    for (table, key) in [("runs", "id"), ("journal", "run_id")] {
        let columns = columns(&transaction, table)?;
        let values: Vec<String> = columns
            .iter()
            // Ids of runs are ordered by time: these began before the one that they are copies of.
            .map(|column| match column {
                column if column == key => "printf('run_%026d', copy.number)".to_owned(),
                column => format!("sample.{column}"),
            })
            .collect();
        let sql = format!(
            "WITH RECURSIVE copy(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM copy WHERE number < {copies}), \
             sample AS MATERIALIZED (SELECT * FROM {table}) \
             INSERT INTO {table} ({}) SELECT {} FROM copy CROSS JOIN sample",
            columns.join(", "),
            values.join(", ")
        );
        transaction.execute(&sql, [])?;
    }
    transaction.commit()?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

fn columns(connection: &Connection, table: &str) -> anyhow::Result<Vec<String>> {
    let mut statement =
        connection.prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))?;
    let names = statement.query_map([], |row| row.get(0))?;
    let names: Result<Vec<String>, _> = names.collect();
    names.with_context(|| format!("the columns of {table}"))
}
