// # Locks
//
// Each thread of the guest makes its calls on a goroutine of its own, so everything that a Process holds is guarded.
// Nothing is locked while a task parks, or while a call of the host may block. Taken in this order:
//
//  1. File.mu, one description's position and state; then the lock of its object (a pipe, an epoll, the terminal).
//     FileTable.nesting comes before the locks of epolls, the outer one's before the inner one's.
//  2. FileTable.mu, the table of descriptors, and FileTable.fsmu, working directory and mask. Readers of the table take no lock.
//  3. Process.mu, identity, limits, the list of tasks, what others may see of a task (Task.traits).
//  4. futexBucket.mu, of two buckets the one of the lower index first.
//  5. Process.sig.mu, dispositions, masks and what is pending; whether a task has begun to end.
//  6. AddressSpace.mu, what is mapped.
//  7. waitQueue.mu, who waits. Its notify functions may only poke.
//
// A futex's bucket is locked while its word is compared, which may read the guest's memory and so take AddressSpace.mu;
// nobody goes the other way. A task is woken through its channel, which no lock guards: a token that comes too early
// makes the next park look again, and every park is inside a loop that does.
//
// The list of tasks changes under both Process.mu and sig.mu, so either will do to read it, and a task that is found in
// it under one of them has its CPU until that lock is given up. The main task stays in the list when it ends before the others.
package kernel
