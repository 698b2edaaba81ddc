//! `telecoder list` of many sessions.

use crate::api;
use crate::floor::{echo, round_trip, run};
use crate::report::Report;
use crate::rig::Rig;
use crate::stats::Samples;

const SAMPLES: usize = 100;
const WARM_UP: usize = 5;

pub fn measure(rig: &Rig, report: &mut Report) {
    let socket = rig.env.root().join("echo");
    echo(&socket);
    let [mut figure, mut floor, mut answer] = <[Samples; 3]>::default();
    for number in 0..SAMPLES + WARM_UP {
        let floor_took = run(&mut rig.env.telecoder(&["--version"])) + round_trip(&socket);
        let took = run(&mut rig.env.telecoder(&["list"]));
        let asked = api::call(&rig.socket(), "GET", "/v1/sessions", None);
        if number >= WARM_UP {
            floor.push(floor_took);
            figure.push(took);
            answer.push(asked.answered_at - asked.sent_at);
        }
    }
    let count = api::get(&rig.socket(), "/v1/sessions").as_array().map_or(0, Vec::len);
    report.heading(&format!(
        "`telecoder list` of {count} sessions: the process from its start to its end"
    ));
    let floor_is = "`telecoder --version` + one round trip on a Unix socket";
    report.against("`telecoder list`", &figure, floor_is, &floor, 3.0);
    report.figure("of it, the daemon's answer", &answer);
}
