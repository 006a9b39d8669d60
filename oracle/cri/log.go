package cri

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// The logs of containers. Nothing is written to them, but their files are there: the kubelet counts by them where it has no record.
// Up to 1.29 they would lie outside the oracle's folder, and there are none.

// logOf is the file of a container's log. The lock is held.
func (s *Service) logOf(sandbox string, config *runtimeapi.ContainerConfig) string {
	box, err := s.findSandbox(sandbox)
	if err != nil || config.GetLogPath() == "" {
		return ""
	}
	file := filepath.Join(box.config.GetLogDirectory(), config.GetLogPath())
	if s.root == "" || !strings.HasPrefix(file, s.root+string(filepath.Separator)) {
		return ""
	}
	return file
}

// beginLog makes the file, when the container's task is made.
func beginLog(file string) error {
	if file == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, nil, 0o644)
}

// logged is one more than the newest attempt whose log is there. The lock is held.
func (s *Service) logged(r role) int32 {
	next, folder := int32(0), ""
	for _, box := range s.sandboxes {
		if box.config.GetMetadata().GetUid() == r.pod {
			folder = box.config.GetLogDirectory()
		}
	}
	if folder == "" {
		return next
	}
	files, err := filepath.Glob(filepath.Join(folder, r.name, "*.log"))
	if err != nil {
		panic(err) // the pattern is ours
	}
	for _, file := range files {
		if n, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(file), ".log")); err == nil {
			next = max(next, int32(n)+1)
		}
	}
	return next
}
