//! The forms of one call. A filter can read more of it than its number and arguments (seccomp(2)): where the instruction lies,
//! where the bytes lie to which it points, what is in the registers that it does not use, and in the upper halves of those
//! of which the kernel reads the lower. All that differs from program to program, so that what refuses one form is no wall.

use super::memory::Laid;
use crate::proc;
use crate::random::random_word;
use attempts::attacker::Argument;
use nix::unistd::Pid;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// So many forms a call has. The first is that of a C program.
pub const FORMS: usize = 6;

/// The form of this number has zeros in registers that it does not use, and the instruction of the command's own call.
const PLAIN: usize = 5;

/// A mapping with more code than this has enough in its beginning.
const CODE: u64 = 8 << 20;

/// So much room is needed for what a call points to.
const ROOM: u64 = 32 << 10;

/// Of so many files the code is known.
const FILES: usize = 64;

/// The instruction that makes a call, and the number of bytes between the beginnings of two.
#[cfg(target_arch = "x86_64")]
const SYSCALL: (&[u8], usize) = (&[0x0f, 0x05], 1);
#[cfg(target_arch = "aarch64")]
const SYSCALL: (&[u8], usize) = (&[0x01, 0x00, 0x00, 0xd4], 4);

/// The call whose number the instruction before takes, as a C library writes it.
#[cfg(target_arch = "x86_64")]
fn number_before(code: &[u8]) -> Option<i64> {
    // mov $number, %eax
    let [.., 0xb8, a, b, c, d] = code else { return None };
    Some(i64::from(i32::from_le_bytes([*a, *b, *c, *d])))
}
#[cfg(target_arch = "aarch64")]
fn number_before(code: &[u8]) -> Option<i64> {
    // mov x8, #number
    let word = u32::from_le_bytes(code.last_chunk().copied()?);
    (word & 0xffe0_001f == 0xd280_0008).then_some(i64::from(word >> 5 & 0xffff))
}

/// What a process has for the forms of its calls.
#[derive(Debug, Default)]
pub struct Forms {
    /// Where its code has an instruction that makes a call.
    instructions: Vec<u64>,
    /// The same of one certain call.
    of: BTreeMap<i64, u64>,
    /// Ends of memory that it may write to, apart from its stack.
    memory: Vec<u64>,
}

impl Forms {
    /// What a process has.
    pub fn of(pid: Pid) -> Forms {
        let mut forms = Forms::default();
        for line in proc::read(pid, "maps").lines() {
            let mut words = line.split_whitespace();
            let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
            let file: Vec<&str> = words.collect();
            let ends =
                range.split_once('-').map(|(from, to)| [from, to].map(|end| u64::from_str_radix(end, 16)));
            let Some([Ok(from), Ok(to)]) = ends else { continue };
            if rights.starts_with("r-x") {
                let length = CODE.min(to - from) as usize;
                let code = code(&file, || super::memory::read(pid, from, length).unwrap_or_default());
                forms.add(from, &code);
            }
            if rights == "rw-p" && to - from >= ROOM && file.last() != Some(&"[stack]") {
                forms.memory.push(to);
            }
        }
        forms
    }

    fn add(&mut self, at: u64, code: &Code) {
        for (offset, number) in code.iter() {
            self.instructions.push(at + offset);
            if let Some(number) = number {
                self.of.entry(*number).or_insert(at + offset);
            }
        }
    }

    /// Where the instruction of a call lies in one of its forms; none for that of the command's own call.
    pub fn instruction(&self, number: i64, form: usize) -> Option<u64> {
        let own = self.of.get(&number).filter(|_| form == 0);
        own.or_else(|| some_of(&self.instructions)).copied().filter(|_| form != PLAIN)
    }

    /// Below which address the bytes lie that a call points to; none for the stack.
    pub fn memory(&self, form: usize) -> Option<u64> {
        match form {
            // The lowest, mostly the heap.
            1 => self.memory.iter().min().copied(),
            3 => some_of(&self.memory).copied(),
            _ => None,
        }
    }
}

/// Where in some code the instructions are, and the number of its call where that is known.
type Code = Rc<[(u64, Option<i64>)]>;

thread_local! {
    /// The code of files, by what `maps` says of them: it is the same in each trial. Another program's costs no more than an
    /// instruction that is none: nothing is executed there.
    static KNOWN: RefCell<HashMap<String, Code>> = RefCell::default();
}

fn code(file: &[&str], read: impl FnOnce() -> Vec<u8>) -> Code {
    let has_name = file.len() > 3;
    KNOWN.with_borrow_mut(|known| match known.get(&file.join(" ")).filter(|_| has_name) {
        Some(code) => Rc::clone(code),
        None => {
            let code = instructions(&read());
            if known.len() == FILES {
                known.clear();
            }
            known.insert(file.join(" "), Rc::clone(&code));
            code
        }
    })
}

fn instructions(code: &[u8]) -> Code {
    let (instruction, step) = SYSCALL;
    let at = (0..code.len().saturating_sub(instruction.len())).step_by(step);
    let found = at.filter(|at| code[*at..].starts_with(instruction));
    found.map(|at| (at as u64, number_before(&code[..at]))).collect()
}

/// Fills what the kernel does not read of the registers.
pub fn fill(laid: &mut Laid, arguments: &[Argument], form: usize) {
    for (nth, number) in laid.numbers.iter_mut().enumerate() {
        match arguments.get(nth) {
            None if form != PLAIN => *number = random(),
            // A zero may be a pointer to nothing, and must stay one.
            Some(Argument::Int(value)) if (form == 2 || form == 3) && *value != 0 => {
                *number = *number & 0xffff_ffff | random() << 32;
            }
            _ => {}
        }
    }
}

fn some_of<T>(all: &[T]) -> Option<&T> {
    all.get(random() as usize % all.len().max(1))
}

fn random() -> u64 {
    random_word(16).ok().and_then(|word| u64::from_str_radix(&word, 16).ok()).unwrap_or(0x5555_5555_5555_5555)
}

#[cfg(test)]
mod tests {
    use super::super::memory::lay;
    use super::*;

    #[test]
    fn a_process_has_instructions_that_make_calls() {
        let forms = Forms::of(Pid::this());
        assert!(!forms.instructions.is_empty() && !forms.memory.is_empty());
        assert_eq!(forms.instruction(0, PLAIN), None);
        assert!(forms.instructions.contains(&forms.instruction(0, 1).unwrap()));
        assert_eq!((forms.memory(0), forms.memory(2), forms.memory(PLAIN)), (None, None, None));
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_instruction_of_one_call_is_known_by_the_one_before() {
        let mut forms = Forms::default();
        forms.add(0x1000, &instructions(&[0x90, 0x0f, 0x05, 0xb8, 165, 0, 0, 0, 0x0f, 0x05, 0xc3]));
        assert_eq!(forms.instructions, [0x1001, 0x1008]);
        assert_eq!((forms.instruction(165, 0), forms.of.len()), (Some(0x1008), 1));
    }

    #[test]
    fn only_what_the_kernel_does_not_read_is_filled() {
        let arguments = [Argument::Int(-100), Argument::Number(7), Argument::Int(0)];
        let filled = |form| {
            let mut laid = lay(&arguments, 1 << 30);
            fill(&mut laid, &arguments, form);
            laid.numbers
        };
        assert_eq!(filled(PLAIN)[..], [-100_i64 as u64, 7, 0, 0, 0, 0]);
        for form in [2, 3] {
            let [int, number, zero, unused, ..] = filled(form);
            assert_eq!((int as i32, number, zero), (-100, 7, 0));
            assert!(int >> 32 != 0xffff_ffff && unused != 0);
        }
    }
}
