//! Which points of the code processes were killed at.

use lastword_protocol::memory::Site;
use lastword_protocol::model::Scenario;

/// How many kills of one process within one operation are told apart.
pub const NESTING_MAX: usize = 2;

/// The name of what comes before the first operation.
pub const RECOVERY: &str = "recover";

/// A point of the code at which a process can be killed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Point {
    /// Whose code.
    pub role: String,
    /// In which operation; `recover` between a start and the first one.
    pub operation: String,
    /// Beside which access.
    pub site: String,
    /// After it, or before.
    pub after: bool,
    /// The how many-th kill of the process since its last complete operation this is.
    pub nesting: usize,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = if self.after { "after" } else { "before" };
        write!(f, "{} {}: {side} {}, kill {}", self.role, self.operation, self.site, self.nesting)
    }
}

/// The points that were come to, and at which a process was killed.
#[derive(Clone, Debug)]
pub struct Coverage {
    roles: Vec<&'static str>,
    operations: Vec<String>,
    sites: Vec<&'static str>,
    /// For each process its role's number, and for each of its operations the operation's.
    of: Vec<(usize, Vec<usize>)>,
    points: Vec<u8>,
}

const REACHED: u8 = 1;
const HIT: u8 = 2;

impl Coverage {
    /// Of a scenario.
    pub fn new<S: Scenario>(scenario: &S, operations: &[Vec<S::Op>]) -> Self {
        let roles = (0..operations.len()).map(|process| scenario.role(process));
        let names: Vec<Vec<String>> = operations
            .iter()
            .map(|list| list.iter().map(|operation| name(&format!("{operation:?}"))).collect())
            .collect();
        Self::of(roles.collect(), names, S::SITES.iter().map(|site: &&Site| site.name).collect())
    }

    /// Of processes with these roles, operations and sites.
    pub fn of(of_process: Vec<&'static str>, of_operations: Vec<Vec<String>>, sites: Vec<&'static str>) -> Self {
        let (mut roles, mut operations) = (Vec::new(), vec![RECOVERY.to_owned()]);
        let of = of_process
            .into_iter()
            .zip(of_operations)
            .map(|(role, list)| {
                let role = intern(&mut roles, role);
                (role, list.into_iter().map(|operation| intern(&mut operations, operation)).collect())
            })
            .collect();
        let points = vec![0; roles.len() * operations.len() * sites.len() * 2 * NESTING_MAX];
        Self { roles, operations, sites, of, points }
    }

    /// A process stands between two accesses, having died so often since its last complete operation; `hit` if it is
    /// killed here. `operation` is the one it is at, if it has one left.
    #[inline]
    pub fn at(
        &mut self,
        process: usize,
        operation: Option<u16>,
        behind: Option<u8>,
        ahead: Option<u8>,
        deaths: u8,
        hit: bool,
    ) {
        let nesting = usize::from(deaths).min(NESTING_MAX - 1);
        let (role, operations) = &self.of[process];
        let operation = operation.map_or(0, |operation| operations[usize::from(operation)]);
        let mark = if hit { REACHED | HIT } else { REACHED };
        let base = (role * self.operations.len() + operation) * self.sites.len();
        for (site, after) in [(behind, 1), (ahead, 0)] {
            if let Some(site) = site {
                self.points[((base + usize::from(site)) * 2 + after) * NESTING_MAX + nesting] |= mark;
            }
        }
    }

    /// Adds what another worker came to.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.points.iter_mut().zip(&other.points) {
            *mine |= theirs;
        }
    }

    /// How many points were come to.
    pub fn reached(&self) -> usize {
        self.points.iter().filter(|&&point| point & REACHED != 0).count()
    }

    /// At how many of them a process was killed.
    pub fn hit(&self) -> usize {
        self.points.iter().filter(|&&point| point & HIT != 0).count()
    }

    /// The points that were come to and at which nobody was killed.
    pub fn missed(&self) -> Vec<Point> {
        self.all().filter(|&(mark, _)| mark & (REACHED | HIT) == REACHED).map(|(_, point)| point).collect()
    }

    /// The points at which somebody was killed.
    pub fn hits(&self) -> Vec<Point> {
        self.all().filter(|&(mark, _)| mark & HIT != 0).map(|(_, point)| point).collect()
    }

    fn all(&self) -> impl Iterator<Item = (u8, Point)> + '_ {
        self.points.iter().enumerate().filter(|&(_, &mark)| mark != 0).map(|(at, &mark)| {
            let (at, nesting) = (at / NESTING_MAX, at % NESTING_MAX);
            let (at, after) = (at / 2, at % 2);
            let (at, site) = (at / self.sites.len(), at % self.sites.len());
            let (role, operation) = (at / self.operations.len(), at % self.operations.len());
            let point = Point {
                role: self.roles[role].to_owned(),
                operation: self.operations[operation].clone(),
                site: self.sites[site].to_owned(),
                after: after == 1,
                nesting: nesting + 1,
            };
            (mark, point)
        })
    }
}

/// The name of an operation without its numbers.
fn name(operation: &str) -> String {
    operation.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

fn intern<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    match list.iter().position(|known| *known == item) {
        Some(at) => at,
        None => {
            list.push(item);
            list.len() - 1
        }
    }
}
