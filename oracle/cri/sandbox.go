package cri

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// RunPodSandbox makes a ready sandbox after the sandbox latency.
func (s *Session) RunPodSandbox(_ context.Context, config *runtimeapi.PodSandboxConfig, _ string) (string, error) {
	s.mu.Lock()
	latency := s.latency.Sandbox
	s.mu.Unlock()
	s.work(latency)
	s.mu.Lock()
	defer s.mu.Unlock()
	made := &sandbox{id: fmt.Sprintf("sandbox-%d", s.made), config: config, ready: true, created: s.madeAt()}
	s.made++
	s.sandboxes = append(s.sandboxes, made)
	s.hooks.Event(Event{Kind: trace.SandboxReady, Pod: made.uid()})
	return made.id, nil
}

func (s *Service) findSandbox(id string) (*sandbox, error) {
	for _, box := range s.sandboxes {
		if box.id == id {
			return box, nil
		}
	}
	return nil, status.Errorf(codes.NotFound, "sandbox %q not found", id)
}

// StopPodSandbox stops it, and kills what still runs in it.
func (s *Session) StopPodSandbox(_ context.Context, id string) error {
	s.alive()
	s.mu.Lock()
	defer s.mu.Unlock()
	box, err := s.findSandbox(id)
	if err != nil {
		return err
	}
	for _, c := range s.containers {
		if c.sandbox == id && c.state == runtimeapi.ContainerState_CONTAINER_RUNNING {
			s.event(c, trace.KillSignal, Event{})
			s.end(c, killed, false)
		}
	}
	if box.ready {
		box.ready = false
		s.hooks.Event(Event{Kind: trace.SandboxStopped, Pod: box.uid()})
	}
	return nil
}

// RemovePodSandbox forgets a sandbox and its containers.
func (s *Session) RemovePodSandbox(_ context.Context, id string) error {
	s.alive()
	s.mu.Lock()
	defer s.mu.Unlock()
	boxes := s.sandboxes[:0:0]
	for _, box := range s.sandboxes {
		if box.id != id {
			boxes = append(boxes, box)
		}
	}
	s.sandboxes = boxes
	left := s.containers[:0:0]
	for _, c := range s.containers {
		if c.sandbox == id {
			s.event(c, trace.Removed, Event{})
			continue
		}
		left = append(left, c)
	}
	s.containers = left
	return nil
}

// uid is that of the sandbox's Pod.
func (b *sandbox) uid() string { return b.config.GetMetadata().GetUid() }

func (b *sandbox) state() runtimeapi.PodSandboxState {
	if b.ready {
		return runtimeapi.PodSandboxState_SANDBOX_READY
	}
	return runtimeapi.PodSandboxState_SANDBOX_NOTREADY
}

// PodSandboxStatus shows one sandbox; it always has an address.
func (s *Session) PodSandboxStatus(_ context.Context, id string, _ bool) (*runtimeapi.PodSandboxStatusResponse, error) {
	s.alive()
	s.mu.Lock()
	defer s.mu.Unlock()
	box, err := s.findSandbox(id)
	if err != nil {
		return nil, err
	}
	return &runtimeapi.PodSandboxStatusResponse{Status: &runtimeapi.PodSandboxStatus{
		Id: box.id, Metadata: box.config.Metadata, State: box.state(), CreatedAt: box.created.UnixNano(),
		Network: &runtimeapi.PodSandboxNetworkStatus{Ip: "10.0.0.9"},
		Linux: &runtimeapi.LinuxPodSandboxStatus{Namespaces: &runtimeapi.Namespace{Options: &runtimeapi.NamespaceOption{
			Network: runtimeapi.NamespaceMode_POD, Pid: runtimeapi.NamespaceMode_CONTAINER, Ipc: runtimeapi.NamespaceMode_POD,
		}}},
		Labels: box.config.Labels, Annotations: box.config.Annotations,
	}}, nil
}

// ListPodSandbox lists the sandboxes that pass the filter, newest first.
func (s *Session) ListPodSandbox(_ context.Context, filter *runtimeapi.PodSandboxFilter) ([]*runtimeapi.PodSandbox, error) {
	s.alive()
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*runtimeapi.PodSandbox
	for i := len(s.sandboxes) - 1; i >= 0; i-- {
		box := s.sandboxes[i]
		if filter != nil && (filter.Id != "" && filter.Id != box.id ||
			filter.State != nil && filter.State.State != box.state() ||
			!matches(filter.LabelSelector, box.config.Labels)) {
			continue
		}
		list = append(list, &runtimeapi.PodSandbox{
			Id: box.id, Metadata: box.config.Metadata, State: box.state(), CreatedAt: box.created.UnixNano(),
			Labels: box.config.Labels, Annotations: box.config.Annotations,
		})
	}
	return list, nil
}
