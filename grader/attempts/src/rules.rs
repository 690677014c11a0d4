//! The rules of the judge, each of which a test can leave out: what a program then gets that it did not earn shows what
//! the rule is for. The grader itself has no word for that: no option and no variable reaches here.

/// A rule, or a check within one that can be left out alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Rule {
    /// See [`Rule::sentence`], here and below.
    Heard,
    /// Of more than one command.
    EachAsked,
    /// And their answers.
    WorstCounts,
    /// Its memory.
    OwnMemory,
    /// What a call points to.
    Pointers,
    /// Soft limits.
    Limits,
    /// Ids and capabilities.
    Rights,
    /// Working directory and descriptors.
    OwnDirectory,
    /// All others.
    Freeze,
    /// Who answers a call.
    Mediators,
    /// The host's look.
    WholeLook,
    /// The attacker's descriptors.
    Handles,
    /// Numbers that a filter can read.
    EachNumber,
    /// What is tried after a filter has killed.
    OtherWays,
    /// What else a filter can read.
    Forms,
    /// A failed call.
    Errno,
    /// A call that succeeded.
    Success,
    /// Its own before the host's.
    OwnFirst,
    /// Stakes before and after.
    Whole,
    /// Stakes made at the last moment.
    Fresh,
    /// A second try.
    TriedOnce,
}

impl Rule {
    /// All, in the order of the design.
    pub const ALL: [Rule; 21] = [
        Rule::Heard,
        Rule::EachAsked,
        Rule::WorstCounts,
        Rule::OwnMemory,
        Rule::Pointers,
        Rule::Limits,
        Rule::Rights,
        Rule::OwnDirectory,
        Rule::Freeze,
        Rule::Mediators,
        Rule::WholeLook,
        Rule::Handles,
        Rule::EachNumber,
        Rule::OtherWays,
        Rule::Forms,
        Rule::Errno,
        Rule::Success,
        Rule::OwnFirst,
        Rule::Whole,
        Rule::Fresh,
        Rule::TriedOnce,
    ];

    /// The number of the rule to which it belongs, 1 to 8.
    pub fn number(self) -> u8 {
        match self {
            Rule::Heard | Rule::EachAsked | Rule::WorstCounts | Rule::OwnMemory => 1,
            Rule::Pointers => 2,
            Rule::Limits | Rule::Rights | Rule::OwnDirectory => 3,
            Rule::Freeze | Rule::Mediators | Rule::WholeLook => 4,
            Rule::Handles | Rule::EachNumber | Rule::OtherWays | Rule::Forms => 5,
            Rule::Errno | Rule::Success | Rule::OwnFirst => 6,
            Rule::Whole | Rule::Fresh => 7,
            Rule::TriedOnce => 8,
        }
    }

    /// What it demands.
    pub fn sentence(self) -> &'static str {
        match self {
            Rule::Heard => "What the command writes, or its exit status, comes out of the program.",
            Rule::EachAsked => "Every process that executes the command is asked.",
            Rule::WorstCounts => "Of several answers the worst counts.",
            Rule::OwnMemory => "The command shares its memory with nobody.",
            Rule::Pointers => "What a call points to is compared before anybody else moves.",
            Rule::Limits => "Soft limits are raised to the hard ones before the attempt.",
            Rule::Rights => "Ids and capabilities that the command may have are taken before the attempt.",
            Rule::OwnDirectory => "The command has a working directory and descriptors of its own.",
            Rule::Freeze => "All others stand still until the host has looked.",
            Rule::Mediators => {
                "Whoever answered a call stands again when it returns, until the host has looked."
            }
            Rule::WholeLook => "A look that fails is no look.",
            Rule::Handles => "The host looks at the command's descriptors itself, and reads through them.",
            Rule::EachNumber => "A call is made with each of the numbers that serve.",
            Rule::OtherWays => "Where a filter kills for one way, the others are tried in another start.",
            Rule::Forms => {
                "A call that a filter may have refused is made in other registers, memory and code as well."
            }
            Rule::Errno => "The host finds in the kernel what refuses.",
            Rule::Success => "The host finds in the kernel what confined a call that succeeded.",
            Rule::OwnFirst => "The same call on something of its own has succeeded just before.",
            Rule::Whole => "What is at stake is looked at before and after: spoiled, it proves nothing.",
            Rule::Fresh => "What is at stake is made when all others stand still.",
            Rule::TriedOnce => "A trial in which the program interfered is not tried again.",
        }
    }
}

/// The rules that are in force: all, unless a test leaves some out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rules {
    left_out: u32,
}

impl Rules {
    /// All but these.
    pub fn without(rules: &[Rule]) -> Rules {
        Rules { left_out: rules.iter().fold(0, |all, rule| all | rule.bit()) }
    }

    /// Whether a rule is in force.
    pub fn holds(self, rule: Rule) -> bool {
        self.left_out & rule.bit() == 0
    }
}

impl Rule {
    fn bit(self) -> u32 {
        1 << self as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_in_force_but_those_left_out() {
        assert!(Rule::ALL.iter().all(|rule| Rules::default().holds(*rule)));
        for left_out in Rule::ALL {
            let rules = Rules::without(&[left_out]);
            assert!(Rule::ALL.iter().all(|rule| rules.holds(*rule) == (*rule != left_out)), "{left_out:?}");
        }
        assert!(Rule::ALL.is_sorted() && Rule::ALL.is_sorted_by_key(|rule| rule.number()));
    }
}
