"""A queue whose worker ends at the first failure, while its client waits for all items to be done."""

import queue
import threading

from resilience import create_retry_decorator


class Broken:
    def __init__(self):
        self.items = queue.Queue()
        self.errors = []

    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    def send(self, item):
        return item

    def work(self):
        while (item := self.items.get()) is not None:
            try:
                self.send(item)
            except Exception as error:
                self.errors.append(error)
                return
            self.items.task_done()

    def run(self):
        worker = threading.Thread(target=self.work, daemon=True)
        worker.start()
        self.items.put("item")
        self.items.join()
        self.items.put(None)
        worker.join()
        if self.errors:
            raise self.errors[0]


class Sound(Broken):
    def work(self):
        while (item := self.items.get()) is not None:
            try:
                self.send(item)
            except BaseException as error:
                self.errors.append(error)
            finally:
                self.items.task_done()


def scenario(service):
    service.run()
