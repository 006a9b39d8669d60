package cri

import (
	"context"
	"errors"

	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Images is the image service of the same runtime.
type Images struct {
	internalapi.ImageManagerService
	*Session
}

// script is that of the first container with the image: it says what becomes of pulls, whoever they are for.
func (i Images) script(image string) *script {
	for _, r := range i.order {
		if s := i.scripts[r]; s.image == image {
			return s
		}
	}
	return nil
}

// ListImages lists nothing: images are never collected here.
func (i Images) ListImages(context.Context, *runtimeapi.ImageFilter) ([]*runtimeapi.Image, error) {
	return nil, nil
}

// ImageStatus knows the images that need no pull, or were pulled.
func (i Images) ImageStatus(_ context.Context, image *runtimeapi.ImageSpec, _ bool) (*runtimeapi.ImageStatusResponse, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if s := i.script(image.Image); i.others[image.Image] == nil && (s == nil || !s.present) {
		return &runtimeapi.ImageStatusResponse{}, nil
	}
	return &runtimeapi.ImageStatusResponse{Image: &runtimeapi.Image{Id: image.Image, RepoTags: []string{image.Image}, Spec: image}}, nil
}

// PullImage plays the next pull of the image.
func (i Images) PullImage(_ context.Context, image *runtimeapi.ImageSpec, _ *runtimeapi.AuthConfig, box *runtimeapi.PodSandboxConfig) (string, error) {
	i.alive()
	uid := box.GetMetadata().GetUid()
	i.mu.Lock()
	s, pull := i.script(image.Image), sim.Pull{}
	switch other := i.others[image.Image]; {
	case other != nil:
		s = other
	case s == nil:
		i.mu.Unlock()
		return "", errors.New("unknown image")
	default:
		pull = s.nextPull()
	}
	begun := Event{Pod: uid, Container: s.container.Name, Run: i.attempts(role{uid, s.container.Name}), Kind: trace.PullBegin}
	i.hooks.Event(begun)
	i.mu.Unlock()

	i.work(s.latency.Pull + pull.Takes)

	i.mu.Lock()
	defer i.mu.Unlock()
	if pull.Result != "" {
		begun.Kind, begun.Reason = trace.PullFailed, pull.Result
		i.hooks.Event(begun)
		return "", errors.New("scripted pull error")
	}
	begun.Kind = trace.PullEnd
	i.hooks.Event(begun)
	s.present = s.present || i.others[image.Image] == nil
	return image.Image, nil
}

// RemoveImage does nothing.
func (i Images) RemoveImage(context.Context, *runtimeapi.ImageSpec) error { return nil }
