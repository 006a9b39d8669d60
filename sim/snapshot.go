package sim

import "github.com/sidecar-conformance/sidecar-conformance/sim/trace"

// snapshotDepth is how many records of one container a snapshot keeps. The kubelet keeps all and looks at the two newest
// and at the newest that exited; records whose start failed can put many between these.
const snapshotDepth = 3

// recordView is a record as a relist saw it.
type recordView struct {
	run        int32
	state      recordState
	sandbox    int32
	edition    int32
	exitCode   int32
	reason     string
	startedAt  trace.Instant
	finishedAt trace.Instant
	event      int32
}

// snapshot is the kubelet's kubecontainer.PodStatus: what one relist saw. It does not change while a sync uses it, so it
// goes stale within the sync.
type snapshot struct {
	hasSandbox, sandboxReady bool
	// address: the Pod has one. It stays when the sandbox ends, but the kubelet's memory of it does not outlive the kubelet. pleg/generic.go:
	// getPodIPs.
	address bool
	attempt int32
	counts  []int8
	records []recordView // snapshotDepth for each container, newest first
}

func (s *snapshot) layOut(views *[]recordView, counts *[]int8, count int) {
	s.counts = cut(counts, count)
	s.records = cut(views, count*snapshotDepth)
}

func (s *snapshot) copyFrom(other *snapshot) {
	s.hasSandbox, s.sandboxReady, s.address, s.attempt = other.hasSandbox, other.sandboxReady, other.address, other.attempt
	copy(s.counts, other.counts)
	for i, n := range other.counts {
		copy(s.records[i*snapshotDepth:i*snapshotDepth+int(n)], other.records[i*snapshotDepth:])
	}
}

// clear empties the snapshot.
func (s *snapshot) clear() {
	s.hasSandbox, s.sandboxReady, s.address, s.attempt = false, false, false, 0
	clear(s.counts)
}

// runs reports whether the Pod has a ready sandbox or a running container. pod_workers.go: isPodStatusCacheTerminal.
func (s *snapshot) runs() bool {
	for i := range s.counts {
		if s.running(i) {
			return true
		}
	}
	return s.sandboxReady
}

// take fills the snapshot from the runtime as it is now.
func (s *snapshot) take(m *machine) {
	s.hasSandbox, s.sandboxReady, s.attempt = m.sandbox.exists, m.sandbox.ready, m.sandbox.attempt
	s.address = s.address || s.sandboxReady
	for i := range m.containers {
		records := m.containers[i].records
		n := min(len(records), snapshotDepth)
		s.counts[i] = int8(n)
		for j := range n {
			s.records[i*snapshotDepth+j].take(&records[len(records)-1-j])
		}
		for j := len(records) - n; j >= 0 && n == snapshotDepth; j-- {
			if records[j].state == recordExited {
				s.records[i*snapshotDepth+n-1].take(&records[j])
				break
			}
		}
	}
}

func (v *recordView) take(r *record) {
	*v = recordView{r.run, r.state, r.sandbox, r.edition, r.exitCode, r.reason, r.startedAt, r.finishedAt, r.event}
}

// of returns the container's records, newest first.
func (s *snapshot) of(position int) []recordView {
	return s.records[position*snapshotDepth : position*snapshotDepth+int(s.counts[position])]
}

// newest returns the container's newest record, or nil. kubecontainer.PodStatus: FindContainerStatusByName.
func (s *snapshot) newest(position int) *recordView {
	if s.counts[position] == 0 {
		return nil
	}
	return &s.records[position*snapshotDepth]
}

// active returns the newest record that lives in the newest sandbox, if that is ready.
// kubecontainer.PodStatus: ActiveContainerStatuses, 1.33 and later.
func (s *snapshot) active(position int) *recordView {
	r := s.newest(position)
	if r == nil || !s.sandboxReady || r.sandbox != s.attempt {
		return nil
	}
	return r
}

// running reports whether the newest record is running.
func (s *snapshot) running(position int) bool {
	r := s.newest(position)
	return r != nil && r.state == recordRunning
}

// lastExited returns the newest exited record, or nil.
func (s *snapshot) lastExited(position int) *recordView {
	records := s.of(position)
	for i := range records {
		if records[i].state == recordExited {
			return &records[i]
		}
	}
	return nil
}

// sandboxNeeded is kuberuntime/util/util.go: PodSandboxChanged, for Pods whose sandboxes have an address.
func (s *snapshot) sandboxNeeded() bool { return !s.hasSandbox || !s.sandboxReady }
