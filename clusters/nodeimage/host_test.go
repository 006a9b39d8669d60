package nodeimage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	errMissing = &exec.Error{Name: "program", Err: exec.ErrNotFound}
	errExit    = errors.New("exit status 1")
)

// tamper makes commands that start with a text say something and fail.
type tamper struct {
	start, says string
	err         error
}

// host plays the programs that a build runs: it answers as they do, leaves the files that they leave, and remembers what was
// run and which images and containers there are.
type host struct {
	t          *testing.T
	cache      string
	ran        []string
	images     map[string]string // keys by name
	containers map[string]bool
	tamper     tamper
	before     func(line string) // called before each command
	reports    []Progress
}

func newHost(t *testing.T) *host {
	return &host{t: t, cache: t.TempDir(), images: map[string]string{}, containers: map[string]bool{}}
}

// builder returns a builder that runs on the host.
func (h *host) builder(releaseText string) *builder {
	o := Options{Release: release(h.t, releaseText), Cache: h.cache, Jobs: 2}
	if err := o.Validate(); err != nil {
		h.t.Fatal(err)
	}
	o.Progress = func(p Progress) { h.reports = append(h.reports, p) }
	return &builder{options: o, cache: cache{o.Cache}, run: h.run, root: true}
}

// keys are the keys of results: they change with every file.
var keys = regexp.MustCompile(`\b[0-9a-f]{16}\b`)

// tidy takes out of a text what differs between runs.
func (h *host) tidy(text string) string {
	text = strings.ReplaceAll(text, h.cache, "CACHE")
	text = strings.ReplaceAll(text, fmt.Sprint(os.Getpid()), "PID")
	text = keys.ReplaceAllString(text, "KEY")
	words := strings.Split(text, "/")
	for i, word := range words {
		if strings.HasPrefix(word, unfinished) {
			rest := strings.TrimLeft(strings.TrimPrefix(word, unfinished+"PID-"), "0123456789")
			words[i] = "UNFINISHED" + rest
		}
	}
	return strings.Join(words, "/")
}

func (h *host) run(ctx context.Context, c command) error {
	line := commandLine(c.args)
	if h.before != nil {
		h.before(line)
	}
	if err := context.Cause(ctx); err != nil {
		return &CommandError{Args: c.args, Err: err}
	}
	h.ran = append(h.ran, line)
	if h.tamper.start != "" && strings.HasPrefix(line, h.tamper.start) {
		if h.tamper.err != nil {
			return &CommandError{Args: c.args, Said: strings.FieldsFunc(h.tamper.says, func(r rune) bool { return r == '\n' }), Err: h.tamper.err}
		}
		return nil
	}
	if c.stdin != nil {
		if _, err := io.Copy(io.Discard, c.stdin); err != nil {
			return err
		}
	}
	text, err := h.answer(c, line)
	if c.stdout != nil {
		io.WriteString(c.stdout, text)
	}
	return err
}

const imageList = `example.dev/kube-apiserver:v1
example.dev/kube-controller-manager:v1
example.dev/kube-scheduler:v1
example.dev/kube-proxy:v1
example.dev/coredns/coredns:v1
example.dev/pause:3.10
example.dev/etcd:3.5.0-0
`

// answer plays one program.
func (h *host) answer(c command, line string) (string, error) {
	after := func(flag string) string {
		for i, arg := range c.args {
			if arg == flag {
				return c.args[i+1]
			}
		}
		return ""
	}
	last := c.args[len(c.args)-1]
	line = strings.Join(c.args, " ")
	is := func(start string) bool { return strings.HasPrefix(line, start) }
	switch {
	case is("go env"):
		return "go1.99.1\n", nil
	case is("go mod download"):
		name := "testdata/kubernetes-old.mod"
		path, err := filepath.Abs(name)
		return fmt.Sprintf(`{"GoMod": %q, "Info": %q}`, path, filepath.Join(filepath.Dir(path), "kubernetes.info")), err
	case is("go list"):
		return "", os.WriteFile(filepath.Join(c.dir, "go.sum"), nil, 0o644)
	case is("go build"):
		return "", os.WriteFile(after("-o"), []byte(last), 0o755)
	case is("tar --create"):
		return "", os.WriteFile(after("--file"), nil, 0o644)
	case strings.Contains(line, "config images list"):
		return imageList, nil
	case is("docker image inspect"):
		if key, ok := h.images[last]; ok {
			return key, nil
		}
		return "", &CommandError{Args: c.args, Err: errExit}
	case is("docker import"), is("docker commit"):
		_, label, _ := strings.Cut(line, keyLabel+"=")
		h.images[last] = strings.Fields(label)[0]
	case is("docker ps"):
		return strings.Join(slices.Sorted(maps.Keys(h.containers)), "\n"), nil
	case is("docker create"):
		h.containers[after("--name")] = true
	case is("docker start"):
		return imageList, nil
	case is("docker rm"):
		delete(h.containers, last)
	}
	return "", nil
}
