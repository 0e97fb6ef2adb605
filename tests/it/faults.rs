//! Fifty rounds of the crash loop; `./dev bench faults` runs more.

use dyocense_tests::faults::{CrashLoop, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_program_and_its_postgres_are_killed() {
    let plan = CrashLoop { rounds: 50, businesses: 2, writers: 6, seed: rand::random(), progress: |_, _| {} };
    let outcome = run(plan.clone()).await;
    assert_eq!(outcome.violations, Vec::<String>::new(), "seed {}", plan.seed);
    assert!(outcome.acknowledged >= u64::from(plan.rounds), "{} commands", outcome.acknowledged);
}
