package app

import "golang.org/x/sys/unix"

// machineMemory is the memory of this machine in bytes.
func machineMemory() uint64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return defaultMemory
	}
	return uint64(info.Totalram) * uint64(info.Unit) //nolint:unconvert // the field is 32 bits wide on 32-bit machines
}
