//! The code of the processes as data: a graph that is found by running it.
//!
//! A process's code is a function of what it was answered. So it is run once for each answer that it can get at a
//! point: in a coroutine, which stops at every access ([`Port::ask`]). What it asks next becomes a [`Node`] of a graph,
//! and from then on the search follows the graph and runs no code. A process's state is the number of a node. It can be
//! copied, compared, thrown away (a kill) and come back to, none of which a stack can.
//!
//! Between two operations a process is in a state that a few numbers tell ([`Ask::Next`]). Histories that end with the
//! same numbers end in the same node, which is what keeps the graph small.
//!
//! A coroutine that is not needed any more is abandoned where it stands: nothing is unwound, no `Drop` runs. That is
//! how SIGKILL leaves a process.

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use foldhash::quality::FixedState;
use hashbrown::HashMap;
use lastword_protocol::model::Violation;
use std::fmt;
use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The code of some processes.
pub trait Code: 'static {
    /// What a process asks of the world, one access or one event at a time.
    type Action: Copy + fmt::Debug + PartialEq + 'static;

    /// How many processes there are.
    fn processes(&self) -> usize;

    /// One incarnation of process `process`. It goes on asking for operations, and ends with a broken promise.
    fn live(&self, process: usize, port: &Port<'_, Self::Action>) -> Violation;
}

/// How a process came to ask for its next operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It has taken up its role.
    Started,
    /// The operation before is complete.
    Done,
    /// The operation before waits for another process; the world is to ask for it again.
    Blocked,
    /// The operation has slept and is to be performed again.
    Slept,
}

/// What a process asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ask<A> {
    /// An access or an event. The answer is what was found, or 0.
    Act(A),
    /// Its next operation. The answer is the operation's number.
    Next {
        /// How it came to ask.
        outcome: Outcome,
        /// All that the process carries over: two processes with the same numbers are in the same state.
        carried: [u64; 3],
    },
    /// Nothing any more: a promise was broken.
    Failed(Violation),
}

/// The number of a node.
pub type NodeId = u32;

/// A point of a process's code: a stop, and the history that leads to it.
#[derive(Debug)]
pub struct Node<A> {
    /// What the process asks for here.
    pub ask: Ask<A>,
    /// Stands for the history in fingerprints. The same in every [`Program`] of the same code.
    pub digest: u64,
    process: u8,
    /// The node before, and the answer that led here.
    parent: Option<(NodeId, u64)>,
    /// Most nodes have one successor.
    first: Option<(u64, NodeId)>,
    others: Vec<(u64, NodeId)>,
}

/// A process's end of the connection to its world.
pub struct Port<'y, A> {
    yielder: &'y Yielder<u64, Ask<A>>,
}

impl<A> Port<'_, A> {
    /// Asks, and waits for the answer. A process that is killed waits here for ever.
    pub fn ask(&self, action: A) -> u64 {
        self.yielder.suspend(Ask::Act(action))
    }

    /// Asks for the number of the next operation.
    pub fn next(&self, outcome: Outcome, carried: [u64; 3]) -> usize {
        self.yielder.suspend(Ask::Next { outcome, carried }) as usize
    }
}

type Life<A> = Coroutine<u64, Ask<A>, Violation, DefaultStack>;

/// A coroutine, and the node that it stands at.
struct Hot<A> {
    node: NodeId,
    life: Life<A>,
}

/// The graph, as far as it has been found.
pub struct Program<C: Code> {
    code: &'static C,
    nodes: Vec<Node<C::Action>>,
    /// The nodes between operations.
    between: HashMap<(u8, Outcome, [u64; 3]), NodeId, FixedState>,
    roots: Vec<NodeId>,
    /// For each process the coroutine that went on last.
    hot: Vec<Option<Hot<C::Action>>>,
    stacks: Vec<DefaultStack>,
    merging: bool,
}

const SEED: FixedState = FixedState::with_seed(0x006c_6173_7477_6f72);
const STACK: usize = 64 << 10;

impl<C: Code> Program<C> {
    /// The graph of `code`, of which nothing but the first stops is known.
    pub fn new(code: &'static C) -> Self {
        let between = HashMap::with_hasher(SEED);
        let hot = (0..code.processes()).map(|_| None).collect();
        let mut program =
            Self { code, nodes: Vec::new(), between, roots: Vec::new(), hot, stacks: Vec::new(), merging: true };
        program.forget();
        program
    }

    /// The same, where two histories are never taken for the same state. For tests of the merging.
    #[must_use]
    pub fn without_merging(mut self) -> Self {
        self.merging = false;
        self
    }

    /// Forgets what has been found, and frees it. Numbers of nodes are void.
    pub fn forget(&mut self) {
        self.nodes = Vec::new();
        self.between = HashMap::with_hasher(SEED);
        self.roots.clear();
        for process in 0..self.code.processes() {
            let (life, ask) = self.begin(process);
            let node = self.add(process, None, ask);
            self.roots.push(node);
            self.keep(process, node, life);
        }
    }

    /// The code.
    pub fn code(&self) -> &'static C {
        self.code
    }

    /// How many nodes have been found.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: each process has its first node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Where an incarnation of `process` begins.
    #[inline]
    pub fn root(&self, process: usize) -> NodeId {
        self.roots[process]
    }

    /// A node.
    #[inline]
    pub fn node(&self, id: NodeId) -> &Node<C::Action> {
        &self.nodes[id as usize]
    }

    /// The node that follows `id` when the process is answered `answer`.
    #[inline]
    pub fn advance(&mut self, id: NodeId, answer: u64) -> NodeId {
        let node = &self.nodes[id as usize];
        match node.first {
            Some((found, next)) if found == answer => return next,
            Some(_) => {}
            None => return self.discover(id, answer),
        }
        match node.others.iter().find(|(found, _)| *found == answer) {
            Some(&(_, next)) => next,
            None => self.discover(id, answer),
        }
    }

    /// Runs the code from `id` on, to its next stop.
    #[cold]
    fn discover(&mut self, id: NodeId, answer: u64) -> NodeId {
        let process = usize::from(self.nodes[id as usize].process);
        let mut life = match self.hot[process].take() {
            Some(hot) if hot.node == id => hot.life,
            other => {
                if let Some(other) = other {
                    self.abandon(other.life);
                }
                self.revive(process, id)
            }
        };
        let ask = resume(&mut life, answer);
        let next = self.add(process, Some((id, answer)), ask);
        let node = &mut self.nodes[id as usize];
        if node.first.is_none() {
            node.first = Some((answer, next));
        } else {
            node.others.push((answer, next));
        }
        self.keep(process, next, life);
        next
    }

    /// A coroutine that stands at `id`: its whole history is run again.
    fn revive(&mut self, process: usize, id: NodeId) -> Life<C::Action> {
        let mut answers = Vec::new();
        let mut at = id;
        while let Some((parent, answer)) = self.nodes[at as usize].parent {
            answers.push(answer);
            at = parent;
        }
        let (mut life, _) = self.begin(process);
        for &answer in answers.iter().rev() {
            resume(&mut life, answer);
        }
        life
    }

    fn begin(&mut self, process: usize) -> (Life<C::Action>, Ask<C::Action>) {
        let stack = self.stacks.pop().unwrap_or_else(|| match DefaultStack::new(STACK) {
            Ok(stack) => stack,
            Err(error) => panic!("no memory for a stack of {STACK} bytes: {error}"),
        });
        let code = self.code;
        let mut life = Coroutine::with_stack(stack, move |yielder, _| {
            let port = Port { yielder };
            let lived = catch_unwind(AssertUnwindSafe(|| code.live(process, &port)));
            lived.unwrap_or(Violation::new("no process panics", 1, 0))
        });
        let ask = resume(&mut life, 0);
        (life, ask)
    }

    fn keep(&mut self, process: usize, node: NodeId, life: Life<C::Action>) {
        if let Some(other) = self.hot[process].replace(Hot { node, life }) {
            self.abandon(other.life);
        }
    }

    /// Leaves a process where it stands, for ever.
    fn abandon(&mut self, mut life: Life<C::Action>) {
        // SAFETY: forgetting what lies on the stack instead of dropping it is sound if nothing there is pinned or
        // borrowed by somebody else. `Code::live` is called with a `'static` reference and with a port that lives on
        // that very stack; whatever it makes is its own, and `Port` hands out nothing that could refer to it.
        unsafe { life.force_reset() };
        self.stacks.push(life.into_stack());
    }

    fn add(&mut self, process: usize, parent: Option<(NodeId, u64)>, ask: Ask<C::Action>) -> NodeId {
        let id = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
        assert!(id != NodeId::MAX, "a program has fewer than 2^32 nodes");
        let history = match parent {
            None => 0,
            Some((parent, answer)) => SEED.hash_one((self.nodes[parent as usize].digest, answer)),
        };
        let digest = match ask {
            Ask::Next { outcome, carried } if self.merging => {
                let key = (process as u8, outcome, carried);
                if let Some(&same) = self.between.get(&key) {
                    return same;
                }
                self.between.insert(key, id);
                SEED.hash_one(carried)
            }
            _ => history,
        };
        self.nodes.push(Node { ask, digest, process: process as u8, parent, first: None, others: Vec::new() });
        id
    }
}

impl<C: Code> Drop for Program<C> {
    fn drop(&mut self) {
        for process in 0..self.hot.len() {
            if let Some(hot) = self.hot[process].take() {
                self.abandon(hot.life);
            }
        }
    }
}

impl<C: Code> fmt::Debug for Program<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}

fn resume<A>(life: &mut Life<A>, answer: u64) -> Ask<A> {
    match life.resume(answer) {
        CoroutineResult::Yield(ask) => ask,
        CoroutineResult::Return(violation) => Ask::Failed(violation),
    }
}
