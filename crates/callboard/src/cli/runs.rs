//! `callboard run …`

use callboard_engine::Priority;
use clap::{Args, Subcommand};

use super::Place;

/// A page of what belongs to a run.
#[derive(Debug, Args)]
pub(crate) struct Part {
    /// Id of the run.
    pub(crate) id: String,
    /// Only what comes after this number: the `next` of the page before.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub(crate) after: usize,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Run {
    /// Start a run.
    Start {
        /// Name of the workflow.
        workflow: String,
        /// Input as JSON; `-` reads stdin, `@FILE` a file with JSON or YAML.
        #[arg(long, default_value = "{}", value_name = "JSON")]
        input: String,
        /// Starting twice with the same key starts once.
        #[arg(long)]
        idempotency_key: Option<String>,
        /// How urgent its calls are (urgent, normal, bulk), whatever the workflow says.
        #[arg(long)]
        priority: Option<Priority>,
        /// Wait until the run is final or needs somebody, at most so many seconds.
        #[arg(long, value_name = "SECONDS")]
        wait: Option<u32>,
        #[command(flatten)]
        place: Place,
    },
    /// List runs, newest first.
    List {
        /// Only runs with this status.
        #[arg(long, value_parser = ["running", "waiting", "paused", "attention", "completed", "faulted", "cancelled"])]
        status: Option<String>,
        /// Only runs of this workflow.
        #[arg(long)]
        workflow: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// Go on where the page before ended: the `next` of its `--json`.
        #[arg(long, value_name = "NEXT")]
        cursor: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Show one run: each call with its outcome.
    Show {
        /// Id of the run.
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Print the history of a run as it was written, secrets masked.
    Journal(Part),
    /// Print the lifecycle events of a run.
    Events(Part),
    /// List the steps of a run, also those that `run show` leaves out.
    Steps(Part),
    /// Follow a run until it is final.
    Watch {
        /// Id of the run.
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Show the output of a run with its secrets in clear, such as a rotated client secret.
    Reveal {
        /// Id of the run.
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Answer a step that needs attention: it happened, it did not, or repeat it.
    Resolve {
        /// Id of the run.
        id: String,
        /// Id of the step, as `run show --json` tells it.
        step: String,
        /// What is known of it.
        #[arg(value_parser = ["happened", "did-not", "repeat"])]
        verdict: String,
        /// What the step would have answered, as JSON, where it happened.
        #[arg(long, value_name = "JSON")]
        output: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Derive every decision of a run again from its journal.
    Replay {
        /// Id of the run.
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Halt a run: calls in flight end, nothing new begins.
    Pause {
        /// Id of the run.
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Let a paused run go on.
    Resume {
        /// Id of the run.
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Go on from a step of a run that is over, as a new run: what was done before stands and is not done again.
    Retry {
        /// Id of the run.
        id: String,
        /// Id of the step to go on from, as `run show --json` tells it; the one that failed unless it is given.
        #[arg(long, value_name = "STEP")]
        from: Option<String>,
        /// Retrying twice with the same key retries once.
        #[arg(long)]
        idempotency_key: Option<String>,
        /// Wait until the run is final or needs somebody, at most so many seconds.
        #[arg(long, value_name = "SECONDS")]
        wait: Option<u32>,
        #[command(flatten)]
        place: Place,
    },
    /// Start the workflow, as it is now, with the input of an earlier run.
    Rerun {
        /// Id of the run.
        id: String,
        /// Rerunning twice with the same key reruns once.
        #[arg(long)]
        idempotency_key: Option<String>,
        /// Wait until the run is final or needs somebody, at most so many seconds.
        #[arg(long, value_name = "SECONDS")]
        wait: Option<u32>,
        #[command(flatten)]
        place: Place,
    },
    /// Move runs that are over for long to compressed files in the data folder.
    Archive {
        /// Runs that ended so many days ago or earlier.
        #[arg(long, default_value_t = 90, value_name = "DAYS")]
        older_than_days: u32,
        #[command(flatten)]
        place: Place,
    },
    /// Cancel a run.
    Cancel {
        /// Id of the run.
        id: String,
        #[command(flatten)]
        place: Place,
    },
}
