//go:build !linux

package app

// machineMemory is a careful guess where the system is not asked.
func machineMemory() uint64 { return defaultMemory }
