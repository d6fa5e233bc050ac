package main

import (
	"context"
	"sync"

	"github.com/google/uuid"
)

const maxBatch = 128

// writers commit the writes of a session in order of arrival. While one transaction runs, the writes that arrive for
// its session wait, and the next transaction takes them all: one lock, one rewrite of the document and one flush to
// disk for many writes. Each write is acknowledged after the commit of the transaction that holds it.
type writers struct {
	commit  func(context.Context, []*write)
	mutex   sync.Mutex
	waiting map[uuid.UUID][]*write
}

func newWriters(commit func(context.Context, []*write)) *writers {
	return &writers{commit: commit, waiting: map[uuid.UUID][]*write{}}
}

// submit queues a write; the first one of an idle session starts its writer.
func (w *writers) submit(asked *write) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	queue, busy := w.waiting[asked.session]
	w.waiting[asked.session] = append(queue, asked)
	if !busy {
		go w.drain(asked.session)
	}
}

// drain commits a session's writes until none waits.
func (w *writers) drain(session uuid.UUID) {
	for {
		batch := w.next(session)
		if len(batch) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), requestDeadline)
		w.commit(ctx, batch)
		cancel()
	}
}

// next takes the writes of the next transaction. A key that is in it already waits for the one after, which finds the
// stored answer.
func (w *writers) next(session uuid.UUID) []*write {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	queue, keys := w.waiting[session], map[string]bool{}
	var batch, rest []*write
	for i, asked := range queue {
		if len(batch) == maxBatch {
			rest = append(rest, queue[i:]...)
			break
		}
		if keys[asked.key] {
			rest = append(rest, asked)
			continue
		}
		keys[asked.key] = true
		batch = append(batch, asked)
	}
	w.waiting[session] = rest
	if len(batch) == 0 {
		delete(w.waiting, session)
	}
	return batch
}
