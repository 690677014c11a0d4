//! A program that faults.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes an executable (elf(5)) whose first instruction is at address 0, where nothing is: a fault, on every
/// architecture and without a compiler. What is this machine's own comes from the header of this test.
pub fn write(path: &Path) {
    const HEADER: usize = 64;
    const SEGMENT: usize = 56;
    let mut elf = fs::read("/proc/self/exe").unwrap();
    elf.truncate(HEADER);
    elf.resize(HEADER + SEGMENT, 0);
    let mut put = |offset: usize, bytes: &[u8]| elf[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(16, &2u16.to_ne_bytes()); // e_type: ET_EXEC
    put(24, &0u64.to_ne_bytes()); // e_entry
    put(32, &(HEADER as u64).to_ne_bytes()); // e_phoff
    put(40, &0u64.to_ne_bytes()); // e_shoff
    put(54, &(SEGMENT as u16).to_ne_bytes()); // e_phentsize
    put(56, &1u16.to_ne_bytes()); // e_phnum
    put(58, &[0; 6]); // no sections
    put(HEADER, &1u32.to_ne_bytes()); // p_type: PT_LOAD
    put(HEADER + 4, &4u32.to_ne_bytes()); // p_flags: PF_R
    put(HEADER + 16, &0x400000u64.to_ne_bytes()); // p_vaddr
    put(HEADER + 32, &((HEADER + SEGMENT) as u64).to_ne_bytes()); // p_filesz
    put(HEADER + 40, &((HEADER + SEGMENT) as u64).to_ne_bytes()); // p_memsz
    put(HEADER + 48, &0x10000u64.to_ne_bytes()); // p_align
    fs::write(path, elf).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}
