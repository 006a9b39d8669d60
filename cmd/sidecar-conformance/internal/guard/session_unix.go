//go:build unix

package guard

import (
	"os/exec"
	"syscall"
)

// detach gives a command a session of its own, which no signal of a terminal reaches.
func detach(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
