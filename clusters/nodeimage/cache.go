package nodeimage

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// cache is a folder of finished results. A result is a folder NAME-KEY; it appears whole or not at all, since it is filled
// under another name, unfinished-PROCESS-…, and then renamed.
type cache struct{ dir string }

const unfinished = "unfinished-"

// keyOf returns the key of a result: the hash of what went into it, one input on each line. Inputs hold no line breaks.
func keyOf(name string, inputs []string) string {
	sum := sha256.Sum256([]byte(name + "\n" + strings.Join(inputs, "\n")))
	return hex.EncodeToString(sum[:8])
}

// path is where a result is, or will be.
func (c cache) path(name, key string) string { return filepath.Join(c.dir, name+"-"+key) }

// has reports whether a result is there.
func (c cache) has(name, key string) bool {
	info, err := os.Stat(c.path(name, key))
	return err == nil && info.IsDir()
}

// fill makes a result: it calls build with an empty folder, and keeps that folder under the result's name if build succeeds.
// Whatever happens else, nothing stays.
func (c cache) fill(name, key string, build func(dir string) error) (err error) {
	dir, err := c.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := build(dir); err != nil {
		return err
	}
	err = os.Rename(dir, c.path(name, key))
	if err != nil && c.has(name, key) {
		return nil // another build was faster
	}
	return err
}

// scratch makes a folder that the caller removes, or else the next build.
func (c cache) scratch() (string, error) {
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(c.dir, unfinished+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// sweep removes what builds left that were killed: unfinished folders of processes that are no more.
func (c cache) sweep() error {
	entries, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var problems []error
	for _, entry := range entries {
		rest, ok := strings.CutPrefix(entry.Name(), unfinished)
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, "-")
		if pid, err := strconv.Atoi(number); err == nil && !running(pid) {
			if err := os.RemoveAll(filepath.Join(c.dir, entry.Name())); err != nil {
				problems = append(problems, fmt.Errorf("removing what an earlier build left: %w", err))
			}
		}
	}
	return errors.Join(problems...)
}

// running reports whether there is a process of a number. A process of somebody else's is one too.
func running(pid int) bool {
	process, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = process.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}
