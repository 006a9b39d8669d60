package nodeimage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// keyLabel is the label of an image that holds the key of the step that made it.
const keyLabel = "dev.sidecar-conformance.nodeimage.key"

// baseImage is the name of the root file system in Docker's store, shared by the images of all releases.
func baseImage(key string) string { return "sidecar-conformance/node-base:" + key }

// imageOf is the name of the image that a step makes.
func (b *builder) imageOf(s *step) string {
	if s.name == "base" {
		return baseImage(s.key)
	}
	return b.options.Image
}

// hasImage reports whether Docker has the image of a step, made from the same inputs.
func (b *builder) hasImage(ctx context.Context, s *step) (bool, error) {
	key, err := output(ctx, b.run, command{args: []string{"docker", "image", "inspect", "--format", `{{index .Config.Labels "` + keyLabel + `"}}`, b.imageOf(s)}})
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return err == nil && key == s.key, nil // an error says that there is no such image: Build has seen that Docker answers
}

// base imports the root file system.
func (b *builder) base(ctx context.Context, _ string) error {
	key := b.step("base").key
	return b.do(ctx, command{args: []string{"docker", "import", "--change", "LABEL " + keyLabel + "=" + key,
		filepath.Join(b.result("rootfs"), "rootfs.tar"), baseImage(key)}})
}

// The changes that make a finished container an image of a node.
var nodeChanges = []string{
	`ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]`,
	`CMD []`,
	`ENV container=docker`,
}

// containerPrefix begins the name of the container that becomes an image. The number of the building process follows.
const containerPrefix = "sidecar-conformance-nodeimage-"

// sweepContainers removes what builds left that were killed: containers of processes that are no more.
func (b *builder) sweepContainers(ctx context.Context) error {
	names, err := output(ctx, b.run, command{args: []string{"docker", "ps", "--all", "--filter", "name=" + containerPrefix, "--format", "{{.Names}}"}})
	if err != nil {
		return err
	}
	var problems []error
	for _, name := range strings.Fields(names) {
		if pid, err := strconv.Atoi(strings.TrimPrefix(name, containerPrefix)); err == nil && !running(pid) {
			problems = append(problems, b.run(ctx, command{args: []string{"docker", "rm", "--force", "--volumes", name}}))
		}
	}
	return errors.Join(problems...)
}

// node makes a container of the root file system, gives it everything else, has it finish itself, and keeps it as the image.
// The container is removed however that ends.
func (b *builder) node(ctx context.Context, _ string) (err error) {
	name := containerPrefix + strconv.Itoa(os.Getpid())
	defer func() {
		// Also after the build was cancelled.
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if failed := b.do(after, command{args: []string{"docker", "rm", "--force", "--volumes", name}}); failed != nil && err == nil {
			err = failed
		}
	}()
	create := []string{"docker", "create", "--name", name, "--network", "none", "--entrypoint", "/kind/bin/finish-image", baseImage(b.step("base").key)}
	if err := b.do(ctx, command{args: create}); err != nil {
		return err
	}
	names, err := os.ReadFile(filepath.Join(b.result("images"), imageNames))
	if err != nil {
		return err
	}
	if err := b.copyIn(ctx, name, string(names)); err != nil {
		return err
	}
	printed, err := output(ctx, b.do, command{args: []string{"docker", "start", "--attach", name}})
	if err != nil {
		return err
	}
	for _, n := range strings.Fields(string(names)) {
		if !strings.Contains(printed, n) {
			return fmt.Errorf("containerd did not import %s; it has %q", n, strings.Fields(printed))
		}
	}
	commit := []string{"docker", "commit"}
	for _, change := range append(nodeChanges, "LABEL "+keyLabel+"="+b.step("node").key) {
		commit = append(commit, "--change", change)
	}
	if err := b.do(ctx, command{args: append(commit, name, b.options.Image)}); err != nil {
		return err
	}
	// The image that had the name before has none now. While a cluster runs on it, Docker keeps it.
	return b.do(ctx, command{args: []string{"docker", "image", "prune", "--force", "--filter", "label=" + keyLabel}})
}

// copyIn writes everything that a node has besides Debian into a container that does not run.
func (b *builder) copyIn(ctx context.Context, container, names string) error {
	all, closers, err := b.nodeContent(names)
	content := piped(all, closers...)
	defer content.Close() // ends the writer, should docker end first
	if err != nil {
		return err
	}
	return b.do(ctx, command{args: []string{"docker", "cp", "-", container + ":/"}, stdin: content})
}

// nodeContent returns the files of a node in the order in which they are written, and what must be closed afterwards, also
// after an error.
func (b *builder) nodeContent(names string) ([]tarFile, []io.Closer, error) {
	all := textFiles(b.options.Release.String(), names)
	var closers []io.Closer
	add := func(target, source string, mode int64) error {
		f, err := os.Open(source)
		if err != nil {
			return err
		}
		closers = append(closers, f)
		info, err := f.Stat()
		if err != nil {
			return err
		}
		all = append(all, tarFile{target, mode, info.Size(), f})
		return nil
	}
	for _, program := range nodePrograms {
		if err := add("usr/bin/"+program, filepath.Join(b.result(program), program), 0o755); err != nil {
			return nil, closers, err
		}
	}
	return all, closers, add("kind/"+imageArchive, filepath.Join(b.result("images"), imageArchive), 0o644)
}

// textFiles returns the embedded files, with the name of the pause image put in, and the file by which kind knows the release.
// names are the names of the images, one a line.
func textFiles(release, names string) []tarFile {
	var all []tarFile
	add := func(path string, mode int64, text string) {
		all = append(all, tarFile{path, mode, int64(len(text)), strings.NewReader(text)})
	}
	for _, f := range nodeFiles() {
		add(f.path, f.mode, strings.ReplaceAll(f.text, "@PAUSE@", pauseName(names)))
	}
	add("kind/version", 0o644, "v"+release)
	return all
}

// pauseName returns the name of the pause image.
func pauseName(names string) string {
	for _, n := range strings.Fields(names) {
		if strings.HasPrefix(path.Base(n), "pause:") {
			return n
		}
	}
	return ""
}
