//go:build unix

package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
)

// role is the environment variable that says which process of a test this is.
const role = "GUARD_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "guardian":
		g := &Guardian{Limit: time.Second, Pause: time.Millisecond, Log: io.Discard, Run: func(_ context.Context, u Undo) error {
			_, err := fmt.Fprintln(os.Stderr, u)
			return err
		}}
		if g.Serve(context.Background(), os.Stdin) != nil {
			os.Exit(1)
		}
	default:
		program(os.Getenv(role))
	}
}

// program is the process that is killed. What its guardian takes away is printed on the standard error, which both have.
func program(which string) {
	g := New(func() (*exec.Cmd, error) {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), role+"=guardian")
		c.Stderr = os.Stderr
		return c, nil
	}, func(err error) { panic(err) })
	a := g.Do(namespace("a"))
	g.Do(Undo{Cluster: &Cluster{Name: "b"}})
	g.Do(namespace("c"))
	d := g.Do(namespace("d"))
	a()
	a()
	switch which {
	case "orderly":
		d()
		g.Close()
		os.Exit(0)
	case "panic":
		go func() { panic("a broken invariant") }()
	}
	fmt.Println("ready")
	select {}
}

func namespace(name string) Undo { return Undo{Namespace: &Namespace{Name: name}} }

// TestKilled undoes what is open, however the program ends, and no more.
func TestKilled(t *testing.T) {
	const open = "cluster b\nnamespace d\nnamespace c\n"
	for _, c := range []struct {
		name string
		kill func(pid int) error
		want string
	}{
		{"SIGKILL", func(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }, open},
		{"SIGINT to all of the terminal", func(pid int) error { return syscall.Kill(-pid, syscall.SIGINT) }, open},
		{"SIGKILL to all of its group", func(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }, open},
		{"panic", nil, open},
		{"orderly", nil, "cluster b\nnamespace c\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			command := exec.Command(os.Args[0])
			command.Env = append(os.Environ(), role+"="+c.name)
			command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			stderr, told, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stderr.Close()
			command.Stderr = told
			stdout, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			told.Close()
			if c.kill != nil {
				if _, err := stdout.Read(make([]byte, 100)); err != nil {
					t.Fatal(err)
				}
				if err := c.kill(command.Process.Pid); err != nil {
					t.Fatal(err)
				}
			}
			text, err := io.ReadAll(stderr) // until the guardian has ended, too
			if err != nil {
				t.Error(err)
			}
			_ = command.Wait()
			_, undone, found := strings.Cut("\n"+string(text), "\ncluster")
			if got := "cluster" + undone; !found || got != c.want {
				t.Errorf("undone:\n%s\nwant:\n%s", text, c.want)
			}
		})
	}
}

// TestNoGuardian goes on where none can be started, and says so once.
func TestNoGuardian(t *testing.T) {
	var said []error
	g := New(func() (*exec.Cmd, error) { return exec.Command(filepath.Join(t.TempDir(), "none")), nil }, func(err error) { said = append(said, err) })
	done := g.Do(namespace("a"))
	done()
	g.Do(namespace("b"))
	g.Close()
	if len(said) != 1 || !errors.Is(said[0], os.ErrNotExist) {
		t.Errorf("said %v", said)
	}
	var none *Guard
	none.Do(namespace("a"))()
	none.Close()
}

// TestServe tries again after an error, for a while, and does not care for what it cannot read.
func TestServe(t *testing.T) {
	var log strings.Builder
	tries := map[string]int{}
	g := &Guardian{Limit: 50 * time.Millisecond, Pause: time.Millisecond, Log: &log, Run: func(_ context.Context, u Undo) error {
		if tries[u.String()]++; u.Namespace.Name == "stuck" || tries[u.String()] < 3 {
			return errors.New("refused")
		}
		return nil
	}}
	in := `{"id":1,"undo":{"namespace":{"name":"stuck"}}}
nonsense
{"id":7}
{"id":2,"undo":{"namespace":{"name":"slow"}}}
{"id":3,"undo":{"namespace":{"name":"half`
	if err := g.Serve(t.Context(), strings.NewReader(in)); err == nil || err.Error() != "taking away namespace stuck: refused" {
		t.Errorf("%v", err)
	}
	if tries["namespace slow"] != 3 || tries["namespace stuck"] < 2 || len(tries) != 2 {
		t.Errorf("%v", tries)
	}
	if want := "namespace slow is gone\n"; !strings.Contains(log.String(), want) {
		t.Errorf("no %q in %s", want, &log)
	}
}

// TestRun finds nothing to do where the cluster has gone, with or without its kubeconfig.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	gone := clusters.Kubeconfig{File: filepath.Join(dir, "gone", "kubeconfig")}
	for _, u := range []Undo{{}, {Cluster: &Cluster{Name: clusters.Prefix + "gone", Dir: dir, Maker: 1}}, {Namespace: &Namespace{Name: "n", From: gone, Own: true}}} {
		if err := run(t.Context(), u); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	if err := run(t.Context(), Undo{Namespace: &Namespace{Name: "n", From: gone}}); err == nil {
		t.Error("the kubeconfig of somebody else is gone, and that is no error")
	}
}
