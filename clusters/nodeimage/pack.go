package nodeimage

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/compression"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// What the step "images" leaves: the archive, as "docker save" writes it, and the names of the images in it, one a line.
const (
	imageArchive = "images.tar"
	imageNames   = "images.txt"
)

// images packs the control plane, etcd and pause, each as an image of one static program, under the names by which kubeadm
// asks for them.
func (b *builder) images(ctx context.Context, dir string) error {
	kubeadm := filepath.Join(b.result("kubeadm"), "kubeadm")
	list, err := output(ctx, b.do, command{args: []string{kubeadm, "config", "images", "list", "--kubernetes-version", "v" + b.options.Release.String()}})
	if err != nil {
		return err
	}
	names, err := packed(list)
	if err != nil {
		return err
	}
	images := map[name.Tag]v1.Image{}
	for _, n := range names {
		tag, err := name.NewTag(n)
		if err != nil {
			return fmt.Errorf("reading the list of images that kubeadm printed: %w", err)
		}
		program := path.Base(tag.RepositoryStr())
		image, err := programImage(program, filepath.Join(b.result(program), program))
		if err != nil {
			return fmt.Errorf("packing %s: %w", program, err)
		}
		images[tag] = image
	}
	if err := tarball.MultiWriteToFile(filepath.Join(dir, imageArchive), images); err != nil {
		return fmt.Errorf("writing %s: %w", imageArchive, err)
	}
	return os.WriteFile(filepath.Join(dir, imageNames), []byte(strings.Join(names, "\n")+"\n"), 0o644)
}

// packed returns those names of kubeadm's list that a node image has: all but CoreDNS and kube-proxy.
func packed(list string) ([]string, error) {
	var names []string
	found := map[string]bool{}
	for _, n := range strings.Fields(list) {
		program, _, _ := strings.Cut(path.Base(n), ":")
		switch program {
		case "kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd", "pause":
			names = append(names, n)
			found[program] = true
		}
	}
	if len(found) != 5 {
		return nil, fmt.Errorf("kubeadm names the images %q; want one each for kube-apiserver, kube-controller-manager, kube-scheduler, etcd, pause", list)
	}
	return names, nil
}

// programImage returns an image with nothing but a program in /usr/local/bin, which is its entry point. file is where the
// program lies on this host.
func programImage(program, file string) (v1.Image, error) {
	content, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return programLayer(program, file) },
		tarball.WithCompression(compression.GZip), tarball.WithCompressionLevel(1)) // unpacked on this host only
	if err != nil {
		return nil, err
	}
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH, Config: v1.Config{
		Entrypoint: []string{"/usr/local/bin/" + program},
		Env:        []string{"PATH=/usr/local/bin"}, // kubeadm starts the programs by their bare names
	}})
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(image, content)
}

// programLayer returns the archive with a program, written while it is read: programs are large.
func programLayer(program, file string) (io.ReadCloser, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return piped([]tarFile{{"usr/local/bin/" + program, 0o755, info.Size(), f}}, f), nil
}

// piped returns the archive of some files, written while it is read. It closes the closers once it is read or closed.
func piped(all []tarFile, closers ...io.Closer) io.ReadCloser {
	read, write := io.Pipe()
	go func() {
		w := tar.NewWriter(write)
		err := errors.Join(writeFiles(w, all), w.Close())
		for _, c := range closers {
			c.Close()
		}
		write.CloseWithError(err)
	}()
	return read
}

// tarFile is a file to be written to an archive.
type tarFile struct {
	path string // without a leading slash
	mode int64
	size int64
	text io.Reader
}

// writeFiles writes files, each folder above them once. Times and owners are zero, so that equal files give equal archives.
func writeFiles(w *tar.Writer, all []tarFile) error {
	written := map[string]bool{".": true}
	for _, f := range all {
		var above []string
		for dir := path.Dir(f.path); !written[dir]; dir = path.Dir(dir) {
			written[dir] = true
			above = append([]string{dir}, above...)
		}
		for _, dir := range above {
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}); err != nil {
				return err
			}
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.path, Mode: f.mode, Size: f.size}); err != nil {
			return err
		}
		if _, err := io.Copy(w, f.text); err != nil {
			return fmt.Errorf("writing %s: %w", f.path, err)
		}
	}
	return nil
}
