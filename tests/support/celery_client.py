"""An end for the Celery apps that tests send tasks by."""

from celery import Celery


def close_client(app: Celery) -> None:
    """Close what an app with a result backend in Redis holds open; ``app.close()`` alone leaves it to the collector.

    Its sockets would be closed at some later time, with a ResourceWarning that fails whichever test runs then.
    """
    consumer = app.backend.result_consumer
    consumer.stop()
    # A result that is collected unsubscribes (Celery 5.7), and would open a connection again for that.
    consumer._pubsub = None  # noqa: SLF001 (Celery's)
    app.backend.client.connection_pool.disconnect()
    app.close()
