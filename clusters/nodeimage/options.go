package nodeimage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// Options says what to build. Only Release has no default.
type Options struct {
	// Release is built exactly, patch number included.
	Release gates.Release
	// Image is the name of the result, NAME:TAG; default DefaultImage(Release). An official name hides the official image.
	Image string
	// Cache is the folder that keeps the results of steps, about 0.8 GB for the first release and 0.5 GB for each further one;
	// default DefaultCache().
	Cache string
	// Jobs is how many programs the Go compiler runs at once; 0 leaves that to it (one for each processor). Each takes up to
	// 1 GB of memory.
	Jobs int
	// Mirror is the address of a mirror of Debian; default is that of debootstrap. What a mirror serves is the same, so it is
	// no part of what a result is known by.
	Mirror string
	// Progress is told of every step, by one call at a time; nil is not told.
	Progress func(Progress)
}

// DefaultImage returns the name that the image of a release has by default, such as sidecar-conformance/node:v1.29.15.
func DefaultImage(release gates.Release) string {
	return "sidecar-conformance/node:v" + release.String()
}

// DefaultCache returns the folder for results below that of the user. It fails where there is none.
func DefaultCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("looking for a folder for results: %w; name one", err)
	}
	return filepath.Join(dir, "sidecar-conformance", "nodeimage"), nil
}

// Validate fills in the defaults and returns all problems at once. Build and Plan call it.
func (o *Options) Validate() error {
	var problems []error
	if o.Release == (gates.Release{}) {
		problems = append(problems, fmt.Errorf("no release is named; want one of %s to %s", gates.Oldest().Line(), gates.Newest().Line()))
	} else if o.Image == "" {
		o.Image = DefaultImage(o.Release)
	}
	if o.Image != "" {
		tag, err := name.NewTag(o.Image)
		if err != nil || !strings.HasSuffix(o.Image, ":"+tag.TagStr()) {
			problems = append(problems, fmt.Errorf("image %q: want NAME:TAG in lower case, such as %s", o.Image, DefaultImage(gates.Newest())))
		}
	}
	if o.Jobs < 0 {
		problems = append(problems, fmt.Errorf("jobs %d: want 1 or more, or 0 for one on each processor", o.Jobs))
	}
	if o.Cache == "" {
		dir, err := DefaultCache()
		problems = append(problems, err)
		o.Cache = dir
	}
	if dir, err := filepath.Abs(o.Cache); err == nil {
		o.Cache = dir // compilers run in other folders
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return errors.Join(problems...)
}

// State is what a step does.
type State string

// The states of a step, in the order in which they are reported: Started, Running now and then, and Done; or Cached alone.
const (
	Started State = "started"
	Running State = "running"
	Done    State = "done"
	Cached  State = "cached" // its result is there already, or nothing that is to be built needs it
)

// Progress is one report of a build.
type Progress struct {
	Number, Of  int           // the step's number, from 1, and how many there are
	Name, Title string        // "kubelet", "compiling the kubelet"
	State       State         //
	Elapsed     time.Duration // since the step started
	Line        string        // what its program said last; only while running
}
