package nodeimage

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// rootFileSystem leaves rootfs.tar. debootstrap mounts file systems inside of what it makes; it runs with mounts and
// processes of its own, so that none is left behind however it ends.
func (b *builder) rootFileSystem(ctx context.Context, dir string) error {
	root := filepath.Join(dir, "root")
	if err := b.do(ctx, command{args: debootstrapArgs(root, b.options.Mirror), kill: true}); err != nil {
		return err
	}
	args := []string{"tar", "--create", "--file", filepath.Join(dir, "rootfs.tar"), "--directory", root, "--numeric-owner", "--sort=name"}
	for _, pattern := range leftOut {
		args = append(args, "--exclude="+pattern)
	}
	if err := b.do(ctx, command{args: append(args, ".")}); err != nil {
		return err
	}
	return os.RemoveAll(root)
}

func debootstrapArgs(root, mirror string) []string {
	args := []string{"unshare", "--mount", "--pid", "--fork", "--kill-child",
		"debootstrap", "--variant=minbase", "--include=" + strings.Join(packages, ","), suite, root}
	if mirror != "" {
		args = append(args, mirror)
	}
	return args
}
