package observe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
)

// logs follows the output of containers where their nodes cannot be reached. A run that ended before it could be followed is
// missing, which is seen when the journal is held against the status.
type logs struct {
	ctx       context.Context
	client    kubernetes.Interface
	namespace string

	mu       sync.Mutex
	followed map[string]bool // by the container's ID
	text     map[types.UID]map[string]*bytes.Buffer
}

func newLogs(ctx context.Context, client kubernetes.Interface, namespace string) *logs {
	return &logs{ctx: ctx, client: client, namespace: namespace, followed: map[string]bool{}, text: map[types.UID]map[string]*bytes.Buffer{}}
}

// follow begins to read every container of the Pod that is new.
func (l *logs) follow(pod *corev1.Pod) {
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range list {
			c := &list[i]
			if c.State.Running == nil && c.State.Terminated == nil || c.ContainerID == "" {
				continue
			}
			l.mu.Lock()
			known := l.followed[c.ContainerID]
			l.followed[c.ContainerID] = true
			l.mu.Unlock()
			if !known {
				go l.read(pod.Name, pod.UID, c.Name)
			}
		}
	}
}

func (l *logs) read(pod string, uid types.UID, container string) {
	stream, err := l.client.CoreV1().Pods(l.namespace).GetLogs(pod, &corev1.PodLogOptions{Container: container, Follow: true}).Stream(l.ctx)
	if err != nil {
		return
	}
	defer stream.Close()
	buffer := make([]byte, 32<<10)
	var mine bytes.Buffer
	for {
		n, err := stream.Read(buffer)
		mine.Write(buffer[:n])
		// Whole lines only: those of several streams go into one text.
		if at := bytes.LastIndexByte(mine.Bytes(), '\n'); at >= 0 {
			l.add(uid, container, mine.Next(at+1))
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return
			}
			return
		}
	}
}

func (l *logs) add(uid types.UID, container string, lines []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text[uid] == nil {
		l.text[uid] = map[string]*bytes.Buffer{}
	}
	if l.text[uid][container] == nil {
		l.text[uid][container] = &bytes.Buffer{}
	}
	l.text[uid][container].Write(lines)
}

// journal returns what was read of a Pod, each entry once: two streams of a container may have brought the same.
func (l *logs) journal(uid types.UID) ([]actor.Entry, []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all journal
	for container, text := range l.text[uid] {
		all.read(container, bytes.NewReader(text.Bytes()))
	}
	return all.entries, all.problems
}
