//go:build linux

package main

import (
	"syscall"
	"time"
	"unsafe"
)

// monotonic is the node's monotonic clock. Unlike that of package time it means the same in every process, so that an
// exec can tell the age of the process beside it.
func monotonic() time.Duration {
	const clockMonotonic = 1
	var now syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0); errno != 0 {
		panic(errno) // every Linux has this clock
	}
	return time.Duration(now.Nano())
}
