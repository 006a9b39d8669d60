package sim

import "github.com/sidecar-conformance/sidecar-conformance/sim/trace"

// Changes of a Pod through the API. Of what orders containers only images may change: a container whose record was made from another image
// counts as changed. kuberuntime_container.go: computePodActions; kubecontainer.HashContainer: over name and image from 1.31 on, over the whole
// container before, of which nothing else is mutable.

// edition is one image that a container was given.
type edition struct {
	from  int32 // the change of the Pod that brought it
	image string
	same  int32 // the first edition with this image; 0 is the image of the manifest
}

// patchPod changes images. It returns why there was nothing to change.
func (m *machine) patchPod(p *Patch) (impossible string) {
	if !m.object.exists {
		return "the Pod is gone at that moment"
	}
	for i := range p.Resize {
		if impossible := m.resize(&p.Resize[i]); impossible != "" {
			return impossible
		}
	}
	before := m.object.edits
	for i := range p.Images {
		m.changeImage(m.named(p.Images[i].Container), p.Images[i].Image)
	}
	if m.object.edits == before && len(p.Resize) == 0 {
		return "" // the API server stores nothing, and nobody hears of it
	}
	m.tellController()
	resized := len(p.Resize) > 0 && m.kubelet.Resize && m.worker.known
	if resized {
		m.takeResizes()
	}
	m.updatePod(update{trigger: m.object.event, because: "the Pod was changed"})
	if resized {
		m.allocated()
	}
	return ""
}

func (m *machine) changeImage(c *container, image string) {
	now := c.spec.Image
	if n := len(c.editions); n > 0 {
		now = c.editions[n-1].image
	}
	if image == now {
		return
	}
	m.object.edits++
	next := edition{from: m.object.edits, image: image, same: int32(len(c.editions)) + 1}
	if image == c.spec.Image {
		next.same = 0
	}
	for i := range c.editions {
		if c.editions[i].image == image {
			next.same = c.editions[i].same
			break
		}
	}
	c.editions = append(c.editions, next)
	e := c.event(trace.ImageChanged, max(c.nextRun-1, 0))
	e.Reason = image
	m.object.event = m.emit(e, cause(m.object.event, "a client changes the Pod", windowRuntime))
}

// edition is the number of the image that a container has in a copy of the Pod.
func (c *container) edition(copied *podCopy) int32 {
	number := int32(0)
	for i := range c.editions {
		if c.editions[i].from <= copied.edits {
			number = c.editions[i].same
		}
	}
	return number
}

// edited reports whether a record was made from another image than the worker's copy of the Pod has.
func (m *machine) edited(c *container, r *recordView) bool {
	return r.edition != c.edition(&m.worker.copy)
}
