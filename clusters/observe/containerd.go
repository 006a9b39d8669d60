package observe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// runtimeEvent is one line of "ctr events": something that containerd did to one container.
type runtimeEvent struct {
	// at is when it happened: for the end of a process when that ended, else when the event was published.
	at   time.Time
	what runtimeWhat
	// id is the container's.
	id       string
	exitCode int32
	bundle   string // the directory of a runtimeTask
}

// runtimeWhat is the topic of a runtimeEvent.
type runtimeWhat uint8

const (
	runtimeOther runtimeWhat = iota
	runtimeCreated
	// runtimeTask: the container has a task, with a bundle, and is about to be started.
	runtimeTask
	runtimeStarted
	runtimeExited
	// runtimeCollected: the task of a process that ended is deleted. The CRI plugin does that before it shows the end to the kubelet.
	// containerd: pkg/cri/server/events.go: handleContainerExit.
	runtimeCollected
	runtimeOOM
	runtimeDeleted
	// runtimeNamespace is the event that a stream's own question makes; id is the namespace's name.
	runtimeNamespace
)

var topics = map[string]runtimeWhat{
	"/containers/create": runtimeCreated, "/tasks/create": runtimeTask, "/tasks/start": runtimeStarted, "/tasks/exit": runtimeExited, "/tasks/delete": runtimeCollected,
	"/tasks/oom": runtimeOOM, "/containers/delete": runtimeDeleted, "/namespaces/create": runtimeNamespace,
}

// criNamespace is where the kubelet's containers live in containerd.
const criNamespace = "k8s.io"

// parseRuntimeEvent reads a line such as
//
//	2026-11-25 23:52:28.5 +0000 UTC k8s.io /tasks/start {"container_id":"3227","pid":612}
//
// Events of other topics, of other namespaces, and of processes that exec started give runtimeOther.
func parseRuntimeEvent(line []byte) (runtimeEvent, error) {
	fields := bytes.SplitN(line, []byte(" "), 7)
	if len(fields) < 7 {
		return runtimeEvent{}, fmt.Errorf("%q is no event of containerd: want a time, a namespace, a topic and JSON", clip(line))
	}
	at, err := time.Parse("2006-01-02 15:04:05.999999999 -0700", string(bytes.Join(fields[:3], []byte(" "))))
	if err != nil {
		return runtimeEvent{}, fmt.Errorf("%q is no event of containerd: %w", clip(line), err)
	}
	e := runtimeEvent{at: at, what: topics[string(fields[5])]}
	if e.what == runtimeOther || e.what != runtimeNamespace && string(fields[4]) != criNamespace {
		return runtimeEvent{at: at}, nil
	}
	var body struct {
		ID          string    `json:"id"`
		ContainerID string    `json:"container_id"`
		ExitStatus  uint32    `json:"exit_status"`
		ExitedAt    time.Time `json:"exited_at"`
		Name        string    `json:"name"`
		Bundle      string    `json:"bundle"`
	}
	if err := json.Unmarshal(fields[6], &body); err != nil {
		return runtimeEvent{}, fmt.Errorf("%q is no event of containerd: %w", clip(line), err)
	}
	switch e.what {
	case runtimeNamespace:
		e.id = body.Name
	case runtimeCreated, runtimeDeleted:
		e.id = body.ID
	case runtimeExited, runtimeCollected:
		if body.ID != "" && body.ID != body.ContainerID {
			return runtimeEvent{at: at}, nil // of a process that exec started
		}
		if e.id = body.ContainerID; e.what == runtimeCollected {
			break
		}
		if body.ExitedAt.IsZero() {
			return runtimeEvent{}, fmt.Errorf("%q does not say when the process exited", clip(line))
		}
		e.at, e.exitCode = body.ExitedAt, int32(body.ExitStatus)
	default:
		e.id, e.bundle = body.ContainerID, body.Bundle
	}
	if e.id == "" {
		return runtimeEvent{}, fmt.Errorf("%q does not say which container it is about", clip(line))
	}
	return e, nil
}

func clip(line []byte) string {
	const shown = 160
	return string(line[:min(len(line), shown)])
}

// identity is what the runtime knows of a container: whose it is.
type identity struct {
	pod, namespace, uid string
	// container is empty for a sandbox.
	container string
	attempt   int32
	createdAt time.Time
}

// The extensions in which the CRI plugin keeps what the kubelet called a container or a sandbox.
var nameExtensions = []string{"io.cri-containerd.container.metadata", "io.cri-containerd.sandbox.metadata"}

// parseIdentity reads what "ctr containers info" prints. The name in it is CONTAINER_POD_NAMESPACE_UID_ATTEMPT, for a sandbox
// without the container. containerd: pkg/cri/server/helpers.go: makeContainerName, makeSandboxName.
func parseIdentity(text []byte) (identity, error) {
	var info struct {
		ID         string
		CreatedAt  time.Time
		Labels     map[string]string
		Extensions map[string]struct {
			Value []byte `json:"value"`
		}
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return identity{}, fmt.Errorf("reading what containerd knows of a container: %w", err)
	}
	who := identity{
		pod: info.Labels["io.kubernetes.pod.name"], namespace: info.Labels["io.kubernetes.pod.namespace"], uid: info.Labels["io.kubernetes.pod.uid"],
		container: info.Labels["io.kubernetes.container.name"], attempt: -1, createdAt: info.CreatedAt,
	}
	for _, extension := range nameExtensions {
		var kept struct{ Metadata struct{ Name string } }
		if value := info.Extensions[extension].Value; value == nil || json.Unmarshal(value, &kept) != nil {
			continue
		}
		name := kept.Metadata.Name
		if n, err := strconv.ParseInt(name[strings.LastIndexByte(name, '_')+1:], 10, 32); err == nil {
			who.attempt = int32(n)
		}
	}
	if who.uid == "" || who.attempt < 0 {
		return identity{}, fmt.Errorf("container %s has no Pod, or no attempt: it is not the kubelet's", info.ID)
	}
	return who, nil
}
