//! What the pointers of a system call point to: laid on the attacker's stack while it stands still.

use attempts::attacker::Argument;
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;
use std::io::{IoSlice, IoSliceMut};

/// Below the stack pointer a function may keep so many bytes without moving it (the red zone of the x86-64 ABI).
const RED_ZONE: u64 = 128;

/// The arguments as numbers, and the bytes that the pointers among them point to.
#[derive(Debug, PartialEq, Eq)]
pub struct Laid {
    /// The arguments.
    pub numbers: [u64; 6],
    /// Where the bytes lie.
    pub at: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Where in the bytes the rooms are: their beginnings and lengths.
    rooms: Vec<(usize, usize)>,
}

/// Lays arguments out below a stack pointer.
pub fn lay(arguments: &[Argument], stack: u64) -> Laid {
    let mut laid = Laid { numbers: [0; 6], at: 0, bytes: Vec::new(), rooms: Vec::new() };
    // Each pointer is an offset first, since only then the place is known.
    let (mut pointers, mut inner) = (Vec::new(), Vec::new());
    for (number, argument) in arguments.iter().enumerate().take(6) {
        let offset = match argument {
            Argument::Number(value) => {
                laid.numbers[number] = *value as u64;
                continue;
            }
            Argument::Int(value) => {
                laid.numbers[number] = i64::from(*value) as u64;
                continue;
            }
            Argument::Text(text) => add(&mut laid.bytes, text.as_bytes_with_nul()),
            Argument::Bytes(bytes) => add(&mut laid.bytes, bytes),
            Argument::Room(bytes) => {
                let offset = add(&mut laid.bytes, bytes);
                laid.rooms.push((offset, bytes.len()));
                offset
            }
            Argument::Vector(bytes) => {
                let place = add(&mut laid.bytes, bytes);
                laid.rooms.push((place, bytes.len()));
                let offset = add(&mut laid.bytes, &[[0; 8], bytes.len().to_ne_bytes()].concat());
                inner.push((offset, place));
                offset
            }
            Argument::Texts(texts) => {
                let places: Vec<usize> =
                    texts.iter().map(|text| add(&mut laid.bytes, text.as_bytes_with_nul())).collect();
                let offset = add(&mut laid.bytes, &vec![0; (places.len() + 1) * 8]);
                inner.extend(places.into_iter().enumerate().map(|(nth, place)| (offset + nth * 8, place)));
                offset
            }
        };
        pointers.push((number, offset));
    }
    laid.at = stack.saturating_sub(RED_ZONE + laid.bytes.len() as u64) & !15;
    for (number, offset) in pointers {
        laid.numbers[number] = laid.at + offset as u64;
    }
    for (at, place) in inner {
        laid.bytes[at..at + 8].copy_from_slice(&(laid.at + place as u64).to_ne_bytes());
    }
    laid
}

/// Adds bytes where a pointer of any type may point. Returns their offset.
fn add(all: &mut Vec<u8>, bytes: &[u8]) -> usize {
    all.resize(all.len().next_multiple_of(16), 0);
    let offset = all.len();
    all.extend(bytes);
    offset
}

impl Laid {
    /// Writes the bytes into a process (process_vm_writev(2)).
    ///
    /// # Errors
    /// Those of the call; EFAULT where there was no room for all.
    pub fn write(&self, pid: Pid) -> nix::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let there = RemoteIoVec { base: self.at as usize, len: self.bytes.len() };
        let written = process_vm_writev(pid, &[IoSlice::new(&self.bytes)], &[there])?;
        if written == self.bytes.len() { Ok(()) } else { Err(Errno::EFAULT) }
    }

    /// Whether the bytes are still there, apart from the rooms. Who is dying has no memory that could be read (ESRCH,
    /// process_vm_readv(2)), and none that could be changed.
    pub fn is_untouched(&self, pid: Pid) -> bool {
        let there = match read(pid, self.at, self.bytes.len()) {
            Ok(there) => there,
            Err(errno) => return errno == Errno::ESRCH,
        };
        let in_room =
            |at: usize| self.rooms.iter().any(|(offset, length)| (*offset..offset + length).contains(&at));
        there.iter().zip(&self.bytes).enumerate().all(|(at, (there, laid))| there == laid || in_room(at))
    }

    /// What the rooms hold in a process.
    ///
    /// # Errors
    /// As for [`Laid::write`].
    pub fn read_rooms(&self, pid: Pid) -> nix::Result<Vec<Vec<u8>>> {
        self.rooms.iter().map(|(offset, length)| read(pid, self.at + *offset as u64, *length)).collect()
    }
}

/// So many bytes of a process's memory (process_vm_readv(2)).
///
/// # Errors
/// As for [`Laid::write`].
pub fn read(pid: Pid, at: u64, length: usize) -> nix::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    if length > 0 {
        let there = RemoteIoVec { base: at as usize, len: length };
        let read = process_vm_readv(pid, &mut [IoSliceMut::new(&mut bytes)], &[there])?;
        if read != length {
            return Err(Errno::EFAULT);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_point_to_what_was_laid() {
        let arguments = [
            Argument::Number(-1),
            Argument::text("abc"),
            Argument::texts(&["sh", "-c"]),
            Argument::Room(vec![7; 5]),
            Argument::Vector(vec![8; 3]),
        ];
        let laid = lay(&arguments, 0x7fff_0000_1000);
        let at = |pointer: u64| &laid.bytes[(pointer - laid.at) as usize..];
        assert_eq!(laid.numbers[0], u64::MAX);
        assert!(at(laid.numbers[1]).starts_with(b"abc\0"));
        let word = |nth: usize| u64::from_ne_bytes(at(laid.numbers[2])[nth * 8..][..8].try_into().unwrap());
        assert!(at(word(0)).starts_with(b"sh\0") && at(word(1)).starts_with(b"-c\0"));
        assert_eq!(word(2), 0);
        assert!(at(laid.numbers[3]).starts_with(&[7; 5]));
        let word = |nth: usize| u64::from_ne_bytes(at(laid.numbers[4])[nth * 8..][..8].try_into().unwrap());
        assert!(at(word(0)).starts_with(&[8; 3]));
        assert_eq!(word(1), 3);
        assert_eq!((laid.numbers[5], laid.at % 16, laid.rooms.len()), (0, 0, 2));
        assert!(laid.at + laid.bytes.len() as u64 + RED_ZONE <= 0x7fff_0000_1000);
    }

    #[test]
    fn what_was_laid_is_compared_apart_from_the_rooms() {
        let mut stack = vec![0_u8; 4096];
        let top = stack.as_mut_ptr() as u64 + 4096;
        let laid = lay(&[Argument::text("path"), Argument::Room(vec![0; 16])], top);
        laid.write(Pid::this()).unwrap();
        let index = |pointer: u64| (pointer - stack.as_ptr() as u64) as usize;
        let [path, room] = [index(laid.numbers[0]), index(laid.numbers[1])];
        stack[room] = 1;
        assert!(laid.is_untouched(Pid::this()));
        stack[path] = b'P';
        assert!(!laid.is_untouched(Pid::this()));
    }

    #[test]
    fn a_process_gets_the_bytes_and_gives_them_back() {
        let mut stack = vec![0_u8; 4096];
        let top = stack.as_mut_ptr() as u64 + 4096;
        let laid = lay(&[Argument::Room(b"word".to_vec())], top);
        laid.write(Pid::this()).unwrap();
        assert!(laid.is_untouched(Pid::this()));
        assert_eq!(laid.read_rooms(Pid::this()).unwrap(), [b"word"]);
    }
}
