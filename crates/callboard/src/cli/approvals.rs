//! `callboard approvals …`

use clap::{Args, Subcommand};

use super::Place;

#[derive(Debug, Subcommand)]
pub(crate) enum Approvals {
    /// List what people are asked, newest first.
    List {
        /// Also what was answered already.
        #[arg(long)]
        all: bool,
        /// At most so many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// Go on where the page before ended: the `next` of its `--json`.
        #[arg(long, value_name = "NEXT")]
        cursor: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Show one question with its evidence and its answers.
    Show {
        /// Id of the approval.
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Answer, as the person whose key stands in `CALLBOARD_API_KEY`.
    Answer {
        /// Id of the approval.
        id: String,
        #[command(flatten)]
        verdict: Verdict,
        /// Why; kept in the history of the run.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// The round that was read; an answer to another one is refused.
        #[arg(long, value_name = "N")]
        round: Option<u32>,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Verdict {
    /// Say yes.
    #[arg(long)]
    pub(crate) approve: bool,
    /// Say no.
    #[arg(long)]
    pub(crate) reject: bool,
}
