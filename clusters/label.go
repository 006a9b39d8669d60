package clusters

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Label is the file that says that a cluster is ours. It is written before the first node is made and removed after the
// last one is gone: what a killed process leaves behind is found by it.
type Label struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	// Config is the configuration that kind was given; a cluster with another one is not used again.
	Config string `json:"config"`
	// Offline is true if routes between the Pods of several nodes were ours to make.
	Offline bool      `json:"offline,omitempty"`
	Made    time.Time `json:"made"`
	// Process is the process that makes the cluster, or takes it away after its maker was killed; 0 once the cluster is ready.
	Process int `json:"process,omitempty"`
	// Maker is the process that made it.
	Maker int `json:"maker,omitempty"`
}

const (
	labelFile      = "label.json"
	kubeconfigFile = "kubeconfig"
)

func (p *Provider) path(name, file string) string { return filepath.Join(p.config.Dir, name, file) }

// readLabel returns the label of a cluster; fs.ErrNotExist if the cluster is not ours.
func (p *Provider) readLabel(name string) (Label, error) {
	if slug, ours := strings.CutPrefix(name, Prefix); !ours || !cellName.MatchString(slug) {
		return Label{}, fmt.Errorf("cluster %q: %w: our names begin with %s", name, fs.ErrNotExist, Prefix)
	}
	text, err := os.ReadFile(p.path(name, labelFile))
	if err != nil {
		return Label{}, fmt.Errorf("cluster %q: %w", name, err)
	}
	var l Label
	if err := json.Unmarshal(text, &l); err != nil {
		return Label{}, fmt.Errorf("cluster %q: reading %s: %w", name, p.path(name, labelFile), err)
	}
	return l, nil
}

// claim writes the label of a cluster that is about to be made. Of several processes one succeeds; the others get
// fs.ErrExist.
func (p *Provider) claim(l Label) error {
	if err := os.MkdirAll(filepath.Join(p.config.Dir, l.Name), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(p.path(l.Name, labelFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(file).Encode(l), file.Close())
}

// update replaces the label in one step.
func (p *Provider) update(l Label) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	next := p.path(l.Name, labelFile+".new")
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, p.path(l.Name, labelFile))
}

// labels returns the labels of all our clusters, by name. Directories without a readable label are not ours.
func (p *Provider) labels() ([]Label, error) {
	entries, err := os.ReadDir(p.config.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var labels []Label
	for _, entry := range entries {
		l, err := p.readLabel(entry.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		labels = append(labels, l)
	}
	return labels, nil
}

// alive reports whether the process that makes a cluster still runs.
func (l Label) alive() bool {
	if l.Process == 0 {
		return false
	}
	process, err := os.FindProcess(l.Process)
	if err != nil {
		return false
	}
	err = process.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}
